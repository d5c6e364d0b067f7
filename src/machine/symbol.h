/* SPDX-License-Identifier: MIT */
/* symbol.h: the function names of one ELF file, sorted, in memory of our own. */
#ifndef RUNG_SYMBOL_H
#define RUNG_SYMBOL_H

#include "base/base.h"

struct symbol {
    uint32_t value; /* less the table's start */
    uint32_t bytes; /* 0: up to the next symbol */
    uint32_t name;  /* offset in names */
    uint32_t rank;  /* among aliases, the least is shown */
};

struct symbol_table {
    const struct symbol *symbols;
    const char *names;
    uintptr_t start; /* addresses as in the file */
    uint32_t count;
    size_t bytes; /* of its mapping */
};

/* An ELF file: an open descriptor, or (memory not NULL) its bytes, as of the vdso. */
struct symbol_file {
    int fd;
    const uint8_t *memory;
    size_t memory_bytes;
};

/* Reads bytes of the file. false if it ends before. */
bool symbol_file_read(const struct symbol_file *file, uint64_t offset, void *bytes, size_t count);

/*
 * Builds the table of the functions in [start, end), from .symtab or else .dynsym. 0, -ENOENT for
 * a file without symbols, -EINVAL for one that is no ELF file of ours or broken, -ENOMEM. Not for
 * signal handlers.
 */
int symbol_table_build(const struct symbol_file *file, uintptr_t start, uintptr_t end,
                       struct symbol_table *table);
void symbol_table_release(struct symbol_table *table);

/*
 * The function that holds the address (as in the file), NULL if none is known to. Async-signal-
 * safe.
 */
const char *symbol_find(const struct symbol_table *table, uintptr_t address, uintptr_t *offset);

#endif
