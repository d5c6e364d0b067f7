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
 * Files by their places: no modules yet. Debug information is searched in `directory` (or NULL) too, which is for all that
 * are open. NULL without memory.
 */
struct lines *lines_open_files(const char *directory);
/* Adds one, loaded so that its lowest address is `start`. 0; -ENOENT: it can't be read; -ESTALE: it has not this build id. */
int lines_add(struct lines *lines, const char *path, uintptr_t start, const uint8_t *build_id, size_t count);
/* No more are to be added. */
void lines_ready(struct lines *lines);

/*
 * The frames at a pc, inlined ones first; a function that only the symbol table knows has file NULL and line 0. Strings
 * stay until the next call. Gives back how many; 0: nothing is known.
 */
size_t lines_at(struct lines *lines, uintptr_t pc, rung_frame *frames, size_t capacity);

void lines_close(struct lines *lines);

#endif
