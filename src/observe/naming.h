/* SPDX-License-Identifier: MIT */
/*
 * naming.h: a trace's stacks, named anew: by debug information of the files that the traced process had loaded. Each generation
 * is learned first, and then each is written.
 */
#ifndef RUNG_NAMING_H
#define RUNG_NAMING_H

#include "observe/names.h"
#include "observe/reader.h"

struct naming;

/* `directory` as of names_open. NULL without memory. One at a time. */
struct naming *naming_open(const char *directory);
/* Takes in what it tells of modules. 0, -ENOMEM. */
int naming_learn(struct naming *naming, const struct generation *generation);
/* All is learned; begins to write a trace of that version. 0; -ENODATA: it tells of no modules; -ENOMEM. */
int naming_begin(struct naming *naming, int version, rung_trace_sink *write, void *arg);
/* 0, or what `write` gave back, or -ENOMEM. */
int naming_write(struct naming *naming, struct trace_file *file, const struct generation *generation);
/* Frames that have been asked for, and those of them that have names now. */
void naming_counts(const struct naming *naming, uint64_t *asked, uint64_t *named);
/* The last is written. Tells of what was missing, as names_missing does, and frees it. 0, or as naming_write. */
int naming_close(struct naming *naming, void (*tell)(const char *sentence));

#endif
