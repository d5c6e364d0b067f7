/* SPDX-License-Identifier: MIT */
/*
 * landing.c: an FDE names its table. It begins with the address that landing pads count from (the function's, if it is
 * omitted), where the table of types is, and how its call sites are encoded; then come the call sites: where its calls
 * begin, how long that goes on, its landing pad (0: none), and what is caught, which does not matter here.
 */
#include "elf/landing.h"

#include <errno.h>

#include "elf/array.h"
#include "elf/cfi.h"
#include "elf/cursor.h"

/* Sets the cursor to the call sites, and what they count from. */
static void read_head(struct cursor *cursor, const struct elf_section *table, uint64_t *base, uint8_t *encoding)
{
    uint8_t base_encoding = read_bytes(cursor, 1);
    uint64_t place = table->address + (cursor->at - table->bytes);
    if (base_encoding != DW_EH_PE_omit)
        *base = read_pointer(cursor, base_encoding, place);
    if (read_bytes(cursor, 1) != DW_EH_PE_omit)
        read_unsigned(cursor);
    *encoding = read_bytes(cursor, 1) & 0x0f;
    uint64_t size = read_unsigned(cursor);
    if (size > (size_t)(cursor->end - cursor->at))
        cursor->is_broken = true;
    else
        cursor->end = cursor->at + size;
}

static int read_range(const struct elf_file *file, const struct elf_range *range, uint64_t start, uint64_t end,
                      struct elf_landings *landings)
{
    const struct elf_section *table = elf_section_at(&file->tables, range->landings);
    if (table == NULL)
        return 0;
    struct cursor cursor = { .at = table->bytes + (range->landings - table->address), .end = table->bytes + table->size };
    uint64_t base = range->start, last = base;
    uint8_t encoding;
    read_head(&cursor, table, &base, &encoding);
    while (cursor.at < cursor.end && !cursor.is_broken) {
        uint64_t from = range->start + read_pointer(&cursor, encoding, 0);
        uint64_t size = read_pointer(&cursor, encoding, 0), pad = read_pointer(&cursor, encoding, 0);
        read_unsigned(&cursor);
        if (cursor.is_broken || from >= end || from < last || size == 0 || from + size < from)
            break; /* they are in order: no more of them than bytes of code */
        last = from + size;
        if (pad == 0 || from + size <= start)
            continue;
        if (!array_reserve(&landings->items, &landings->room, landings->count + 1, sizeof *landings->items))
            return -ENOMEM;
        landings->items[landings->count++] = (struct elf_landing){ from, from + size, base + pad };
    }
    return 0;
}

int elf_landings_read(const struct elf_file *file, uint64_t start, uint64_t end, struct elf_landings *landings)
{
    int error = 0;
    landings->count = 0;
    if (file->tables.count == 0)
        return 0;
    for (size_t i = cfi_range_from(file, start); error == 0 && i < file->range_count && file->ranges[i].start < end; i++)
        if (file->ranges[i].landings != 0)
            error = read_range(file, &file->ranges[i], start, end, landings);
    return error;
}

uint64_t elf_landing_pad(const struct elf_landings *landings, uint64_t address)
{
    size_t next = array_upto(landings->items, landings->count, sizeof *landings->items, address);
    return next > 0 && address < landings->items[next - 1].end ? landings->items[next - 1].pad : 0;
}
