/* SPDX-License-Identifier: MIT */
/* symbolize.c: librung-debug's answer to what lies at a pc of this process. */
#include <rung_symbolize.h>

#include "elf/lines.h"

size_t rung_symbolize(uintptr_t pc, rung_frame *frames, size_t capacity)
{
    static struct lines *lines; /* kept: opening an object is what takes time */
    if (lines == NULL)
        lines = lines_open_process();
    return lines != NULL ? lines_at(lines, pc, frames, capacity) : 0;
}
