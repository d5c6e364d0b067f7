/* SPDX-License-Identifier: MIT */
#include "elf/array.h"

#include <stdlib.h>

enum { ROOM = 64 };

bool array_enlarge(void *array, size_t *room, size_t count, size_t entry_size)
{
    size_t larger = *room ? *room : ROOM;
    while (larger < count)
        larger *= 2;
    void *memory = realloc(*(void **)array, larger * entry_size);
    if (memory == NULL)
        return false;
    *(void **)array = memory;
    *room = larger;
    return true;
}

static int by_address(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

void array_sort(void *array, size_t count, size_t entry_size)
{
    if (count > 0)
        qsort(array, count, entry_size, by_address);
}

size_t array_from(const void *array, size_t count, size_t entry_size, uint64_t address)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (*(const uint64_t *)((const char *)array + middle * entry_size) < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t array_upto(const void *array, size_t count, size_t entry_size, uint64_t address)
{
    return address == UINT64_MAX ? count : array_from(array, count, entry_size, address + 1);
}

const void *array_find(const void *array, size_t count, size_t entry_size, uint64_t address)
{
    size_t at = array_from(array, count, entry_size, address);
    const uint64_t *entry = (const void *)((const char *)array + at * entry_size);
    return at < count && *entry == address ? entry : NULL;
}
