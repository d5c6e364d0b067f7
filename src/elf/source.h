/* SPDX-License-Identifier: MIT */
/*
 * source.h: names and lines for people. Debug information is looked for by build id and .gnu_debuglink, by libdwfl,
 * which finds what gdb finds. One thread.
 */
#ifndef RUNG_ELF_SOURCE_H
#define RUNG_ELF_SOURCE_H

#include "elf/file.h"

struct source;

/* NULL if there is no memory. What the file lacks is found out when it is asked for. */
struct source *source_open(const struct elf_file *file);
void source_close(struct source *source);

/* FILE:LINE of the instruction; false if it is not known. */
bool source_line(struct source *source, uint64_t address, const char **file, int *line);

/* The name as in the source (C++, Rust, D), malloc'ed; NULL if it is no such name. */
char *source_demangle(const char *name);

#endif
