/* SPDX-License-Identifier: MIT */
/* array.h: arrays that grow, and arrays in order of the address with which each entry begins (a uint64_t). */
#ifndef RUNG_ELF_ARRAY_H
#define RUNG_ELF_ARRAY_H

#include "base/base.h"

/* Makes room for `count` entries in *(void **)array, which has *room. False: no memory, and nothing has changed. */
bool array_enlarge(void *array, size_t *room, size_t count, size_t entry_size);

static always_inline bool array_reserve(void *array, size_t *room, size_t count, size_t entry_size)
{
    return likely(count <= *room) || array_enlarge(array, room, count, entry_size);
}

void array_sort(void *array, size_t count, size_t entry_size);
/* The number of the first entry at the address or behind it; `count` if there is none. */
size_t array_from(const void *array, size_t count, size_t entry_size, uint64_t address);
/* The number of the last entry at the address or before it, plus 1; 0 if there is none. */
size_t array_upto(const void *array, size_t count, size_t entry_size, uint64_t address);
/* The first entry at exactly that address, or NULL. */
const void *array_find(const void *array, size_t count, size_t entry_size, uint64_t address);

#endif
