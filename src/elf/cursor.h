/* SPDX-License-Identifier: MIT */
/*
 * cursor.h: reads a table of bytes that may lie. Past its end, or where it makes no sense, all is 0 and the cursor broken.
 */
#ifndef RUNG_ELF_CURSOR_H
#define RUNG_ELF_CURSOR_H

#include <dwarf.h>
#include <string.h>

#include "base/base.h"

struct cursor {
    const uint8_t *at, *end;
    bool is_broken;
};

static inline uint64_t read_bytes(struct cursor *cursor, size_t count)
{
    uint64_t value = 0;
    if ((size_t)(cursor->end - cursor->at) < count) {
        cursor->is_broken = true;
        cursor->at = cursor->end;
        return 0;
    }
    memcpy(&value, cursor->at, count);
    cursor->at += count;
    return value;
}

static inline uint64_t read_unsigned(struct cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = read_bytes(cursor, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
}

static inline int64_t read_signed(struct cursor *cursor)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = read_bytes(cursor, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && (byte & 0x40))
        value |= ~0ull << shift;
    return value;
}

/* `place`: the address of the bytes, to which relative pointers are added. */
static inline uint64_t read_pointer(struct cursor *cursor, uint8_t encoding, uint64_t place)
{
    uint64_t value;
    switch (encoding & 0x0f) {
    case DW_EH_PE_absptr: case DW_EH_PE_udata8: case DW_EH_PE_sdata8: value = read_bytes(cursor, 8); break;
    case DW_EH_PE_udata4: value = read_bytes(cursor, 4); break;
    case DW_EH_PE_sdata4: value = (int32_t)read_bytes(cursor, 4); break;
    case DW_EH_PE_udata2: value = read_bytes(cursor, 2); break;
    case DW_EH_PE_sdata2: value = (int16_t)read_bytes(cursor, 2); break;
    case DW_EH_PE_uleb128: value = read_unsigned(cursor); break;
    case DW_EH_PE_sleb128: value = read_signed(cursor); break;
    default: cursor->is_broken = true; return 0;
    }
    if ((encoding & 0x70) == DW_EH_PE_pcrel)
        value += place;
    else if ((encoding & 0x70) != 0)
        cursor->is_broken = true;
    return value;
}

#endif
