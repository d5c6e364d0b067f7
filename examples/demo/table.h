/* SPDX-License-Identifier: MIT */
/*
 * table.h: how often each word was seen.
 *
 * A struct counts is cut into parts by the words' hashes, so that what several tokenizers counted
 * apart can be merged part by part, by several reducers at once. Owned by one goroutine at a time.
 */
#ifndef DEMO_TABLE_H
#define DEMO_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum {
    TABLE_PARTS = 8,
    WORD_BYTES = 255, /* what is longer is cut */
    WORD_SLACK = 8,   /* bytes that must be readable after a word's end */
};

struct word {
    uint64_t count; /* 0: a free place */
    uint32_t hash;
    uint32_t name; /* offset into the table's names: the length in one byte, then the text */
};

struct table {
    struct word *words; /* open addressing; at most half full */
    size_t capacity;    /* a power of two, or 0 */
    size_t used;
    char *names;
    size_t names_bytes;
    size_t names_capacity;
};

struct counts {
    struct table parts[TABLE_PARTS];
};

/* Counts one more `text`; its first WORD_BYTES, after whose end WORD_SLACK bytes can be read. */
void counts_add(struct counts *counts, const char *text, size_t length);

void counts_free(struct counts *counts);

/* Adds what `from` has to `into`, and leaves `from` empty. */
void table_merge(struct table *into, struct table *from);

#endif
