/* SPDX-License-Identifier: MIT */
/* lines.h: functions, files and lines at an address, from debug information, by elfutils' libdw. One thread at a time. */
#ifndef RUNG_LINES_H
#define RUNG_LINES_H

#include "base/base.h"
#include <rung_debug.h>

struct lines;

/* What this process has loaded. NULL without memory. */
struct lines *lines_open_process(void);

/*
 * A file that was loaded so that its lowest address is `start`. Its debug information is searched in `directory` (or NULL) too,
 * which is the same for all. 0; -ENOENT: it can't be read; -ESTALE: it has not this build id; -ENOMEM.
 */
int lines_open_file(struct lines **lines, const char *path, uintptr_t start, const uint8_t *build_id, size_t count,
                    const char *directory);

/*
 * The frames at a pc, inlined ones first; a function that only the symbol table knows has file NULL and line 0. Strings
 * stay until the next call. Gives back how many; 0: nothing is known.
 */
size_t lines_at(struct lines *lines, uintptr_t pc, rung_frame *frames, size_t capacity);

void lines_close(struct lines *lines);

#endif
