/* SPDX-License-Identifier: MIT */
/*
 * table.c: open addressing with linear probing. A place holds 16 bytes; the names lie one after
 * the other in one block of memory, so that a table is two allocations however many words it has.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "job.h"

/* The bytes after the end are read and masked away: no branch on the length's remainder. */
static uint64_t hash_word(const char *text, size_t length)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t bytes, hash = length;
    for (; length >= 8; text += 8, length -= 8) {
        memcpy(&bytes, text, 8);
        hash = (hash ^ bytes) * factor;
        hash ^= hash >> 29;
    }
    memcpy(&bytes, text, 8);
    hash = (hash ^ (bytes & ((UINT64_C(1) << (8 * length)) - 1))) * factor;
    return hash ^ hash >> 32;
}

static void grow_words(struct table *table)
{
    struct word *old = table->words;
    size_t capacity = table->capacity == 0 ? 1024 : table->capacity * 2;
    table->words = job_memory(calloc(capacity, sizeof *table->words));
    for (size_t i = 0; i < table->capacity; i++) {
        size_t place = old[i].hash & (capacity - 1);
        if (old[i].count == 0)
            continue;
        while (table->words[place].count != 0)
            place = (place + 1) & (capacity - 1);
        table->words[place] = old[i];
    }
    table->capacity = capacity;
    free(old);
}

static uint32_t add_name(struct table *table, const char *text, size_t length)
{
    size_t name = table->names_bytes;
    if (name + 1 + length > table->names_capacity) {
        table->names_capacity = table->names_capacity * 2 + 16384;
        if (table->names_capacity > UINT32_MAX)
            job_memory(NULL);
        table->names = job_memory(realloc(table->names, table->names_capacity));
    }
    table->names[name] = (char)length;
    memcpy(table->names + name + 1, text, length);
    table->names_bytes = name + 1 + length;
    return (uint32_t)name;
}

static void table_add(struct table *table, uint32_t hash, const char *text, size_t length,
                      uint64_t count)
{
    if (table->used * 2 >= table->capacity)
        grow_words(table);
    size_t place = hash & (table->capacity - 1);
    for (struct word *word; (word = &table->words[place])->count != 0;) {
        const char *name = table->names + word->name;
        if (word->hash == hash && (unsigned char)name[0] == length &&
            memcmp(name + 1, text, length) == 0) {
            word->count += count;
            return;
        }
        place = (place + 1) & (table->capacity - 1);
    }
    table->words[place] = (struct word){ count, hash, add_name(table, text, length) };
    table->used++;
}

void counts_add(struct counts *counts, const char *text, size_t length)
{
    length = length < WORD_BYTES ? length : WORD_BYTES;
    uint64_t hash = hash_word(text, length);
    table_add(&counts->parts[hash >> 61], (uint32_t)hash, text, length, 1);
}

static void table_free(struct table *table)
{
    free(table->words);
    free(table->names);
    *table = (struct table){ 0 };
}

void counts_free(struct counts *counts)
{
    for (int part = 0; part < TABLE_PARTS; part++)
        table_free(&counts->parts[part]);
}

void table_merge(struct table *into, struct table *from)
{
    if (into->used < from->used) {
        struct table larger = *from;
        *from = *into;
        *into = larger;
    }
    for (size_t i = 0; i < from->capacity; i++) {
        const struct word *word = &from->words[i];
        const char *name = from->names + word->name;
        if (word->count != 0)
            table_add(into, word->hash, name + 1, (unsigned char)name[0], word->count);
    }
    table_free(from);
}
