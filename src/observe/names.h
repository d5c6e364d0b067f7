/* SPDX-License-Identifier: MIT */
/*
 * names.h: what the pcs of a process mean that is gone, or on another machine: by what it had loaded, as modules_write told
 * it, and by the files with those build ids. One thread at a time.
 */
#ifndef RUNG_NAMES_H
#define RUNG_NAMES_H

#include "base/base.h"
#include <rung_debug.h>

struct names;

/* Files are searched in `directory` first, or NULL. NULL without memory. */
struct names *names_open(const char *directory);
/* One line of modules_write, in that generation, which never falls. 0, -EINVAL (also beyond some thousand), -ENOMEM. */
int names_add(struct names *names, const char *line, uint64_t generation);
/* No more lines. Looks for the files. */
void names_find(struct names *names);
size_t names_modules(const struct names *names);
/* From here on pcs of this generation are asked for. Whether they mean what they do in all the others. */
bool names_select(struct names *names, uint64_t generation);

/*
 * The frames at a pc, inlined ones first; strings stay until the next call. 0: nothing is known, but names_place has the
 * module's name and the offset in it.
 */
size_t names_at(struct names *names, uintptr_t pc, rung_frame *frames, size_t capacity);
void names_place(struct names *names, uintptr_t pc, rung_frame *frame);

/* Calls `tell` with a sentence for each module that was asked for, and has no debug information here: why not. */
void names_missing(const struct names *names, void (*tell)(const char *sentence));

void names_close(struct names *names);

#endif
