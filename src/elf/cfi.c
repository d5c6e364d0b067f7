/* SPDX-License-Identifier: MIT */
/*
 * cfi.c: finds the FDEs of a file, and runs their programs.
 *
 * libdw parses the entries (dwarf_next_cfi); the programs are run here, in one go for a whole function: libdw's own
 * dwarf_cfi_addrframe begins again for each address, which is square in a function's length. Only the CFA, the frame
 * pointer and the return address are followed. machine/cfi.c does the same for the running program; it is made
 * for a signal handler, knows its own CPU only, and gives rows of four bytes.
 */
#include <dwarf.h>
#include <elfutils/libdw.h> /* before base.h, whose `noreturn` it would take for its own */

#include "elf/cfi.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "elf/array.h"
#include "elf/cursor.h"
#include "elf/imports.h"

enum { STATES_MOST = 16 };

/* ---- finding entries ---- */

struct frames { /* one section of entries while it is read */
    struct elf_file *file;
    Elf_Data *data;
    uint64_t address;
    bool is_eh;
    struct elf_relocations relocations;
    uint64_t *cie_offsets;       /* of each CIE in file->cies from first_cie on */
    size_t first_cie, offset_room;
};

static const char *letters_of(const char *augmentation)
{
    return augmentation == NULL ? "" : augmentation;
}

static int add_cie(struct frames *frames, uint64_t offset, const Dwarf_CIE *cie)
{
    struct elf_file *file = frames->file;
    if (!array_reserve(&file->cies, &file->cie_room, file->cie_count + 1, sizeof *file->cies) ||
        !array_reserve(&frames->cie_offsets, &frames->offset_room, file->cie_count + 1, sizeof *frames->cie_offsets))
        return -ENOMEM;
    struct elf_cie *new = &file->cies[file->cie_count];
    *new = (struct elf_cie){ .program = cie->initial_instructions, .program_end = cie->initial_instructions_end,
                             .code_alignment = cie->code_alignment_factor, .data_alignment = cie->data_alignment_factor,
                             .pointer_encoding = DW_EH_PE_absptr, .landing_encoding = DW_EH_PE_omit, .is_debug = !frames->is_eh };
    struct cursor augmented = { .at = cie->augmentation_data, .end = cie->augmentation_data + cie->augmentation_data_size };
    if (cie->augmentation_data == NULL)
        augmented.end = augmented.at;
    for (const char *letter = letters_of(cie->augmentation); *letter != '\0'; letter++) {
        if (*letter == 'R')
            new->pointer_encoding = read_bytes(&augmented, 1);
        else if (*letter == 'P')
            read_pointer(&augmented, read_bytes(&augmented, 1) & 0x0f, 0);
        else if (*letter == 'L')
            new->landing_encoding = read_bytes(&augmented, 1);
    }
    frames->cie_offsets[file->cie_count++] = offset;
    return 0;
}

/* The address that a relocatable file's FDE has at that place; 0 if it is neither code nor a table of landing pads. */
static uint64_t relocated(const struct frames *frames, uint64_t offset)
{
    const struct elf_relocation *relocation = array_find(frames->relocations.items, frames->relocations.count,
                                                         sizeof *relocation, offset);
    if (relocation == NULL || relocation->target == 0)
        return 0;
    /* What was added for a call's operand is no part of this one. */
    bool is_call = frames->file->machine == EM_X86_64 && frames->is_eh;
    return relocation->target - (is_call ? 4 : 0);
}

/* The address of the table of landing pads that augmentation data begin with. */
static uint64_t landings_of(const struct frames *frames, const struct elf_cie *cie, struct cursor cursor)
{
    uint64_t place = cursor.at - (const uint8_t *)frames->data->d_buf;
    if (cie->landing_encoding == DW_EH_PE_omit)
        return 0;
    uint64_t address = read_pointer(&cursor, cie->landing_encoding, 0);
    bool is_relative = (cie->landing_encoding & 0x70) == DW_EH_PE_pcrel;
    if (cursor.is_broken || frames->file->type == ET_REL)
        return cursor.is_broken ? 0 : relocated(frames, place);
    return address != 0 && is_relative ? address + frames->address + place : address;
}

static int add_range(struct frames *frames, const Dwarf_FDE *fde)
{
    struct elf_file *file = frames->file;
    size_t cie = file->cie_count;
    while (cie > frames->first_cie && frames->cie_offsets[cie - 1] != fde->CIE_pointer)
        cie--;
    if (cie == frames->first_cie)
        return 0;
    cie--;
    uint8_t encoding = file->cies[cie].pointer_encoding;
    struct cursor cursor = { .at = fde->start, .end = fde->end };
    uint64_t place = fde->start - (const uint8_t *)frames->data->d_buf;
    uint64_t start = read_pointer(&cursor, encoding, frames->address + place);
    uint64_t size = read_pointer(&cursor, encoding & 0x0f, 0);
    if (file->type == ET_REL)
        start = relocated(frames, place);
    uint64_t landings = 0;
    if (frames->is_eh) {
        uint64_t augmentation = read_unsigned(&cursor);
        if (augmentation > (size_t)(cursor.end - cursor.at))
            return 0;
        struct cursor augmented = { .at = cursor.at, .end = cursor.at + augmentation };
        landings = landings_of(frames, &file->cies[cie], augmented);
        cursor.at += augmentation;
    }
    if (cursor.is_broken || start == 0 || size == 0 || start + size < start)
        return 0;
    if (!array_reserve(&file->ranges, &file->range_room, file->range_count + 1, sizeof *file->ranges))
        return -ENOMEM;
    file->ranges[file->range_count++] = (struct elf_range){ .start = start, .end = start + size, .program = cursor.at,
                                                            .program_end = cursor.end, .landings = landings,
                                                            .cie = cie };
    return 0;
}

static int read_entries(struct frames *frames)
{
    const unsigned char *ident = (const unsigned char *)elf_getident(frames->file->elf, NULL);
    Dwarf_Off offset = 0, next = 0;
    int error = 0;
    for (; error == 0; offset = next) {
        Dwarf_CFI_Entry entry;
        int result = dwarf_next_cfi(ident, frames->data, frames->is_eh, offset, &next, &entry);
        if (result > 0 || next <= offset || next == (Dwarf_Off)-1)
            break;
        if (result < 0)
            continue;
        error = dwarf_cfi_cie_p(&entry) ? add_cie(frames, offset, &entry.cie) : add_range(frames, &entry.fde);
    }
    return error;
}

/* Ranges of .debug_frame that .eh_frame has too are dropped; so are all that overlap one before. */
static void sort_ranges(struct elf_file *file)
{
    size_t kept = 0;
    bool is_sorted = true;
    for (size_t i = 1; i < file->range_count; i++)
        is_sorted &= file->ranges[i - 1].start <= file->ranges[i].start;
    if (!is_sorted)
        array_sort(file->ranges, file->range_count, sizeof *file->ranges);
    for (size_t i = 0; i < file->range_count; i++)
        if (kept == 0 || file->ranges[i].start >= file->ranges[kept - 1].end)
            file->ranges[kept++] = file->ranges[i];
    file->range_count = kept;
}

static int read_section(struct elf_file *file, Elf *elf, const char *name, bool is_eh)
{
    size_t names = 0;
    Elf_Scn *scn = NULL;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return 0;
    while ((scn = elf_nextscn(elf, scn)) != NULL) {
        GElf_Shdr header;
        const char *this;
        if (gelf_getshdr(scn, &header) == NULL || header.sh_type == SHT_NOBITS ||
            (this = elf_strptr(elf, names, header.sh_name)) == NULL || strcmp(this, name) != 0)
            continue;
        if (header.sh_flags & SHF_COMPRESSED && elf_compress(scn, 0, 0) < 0)
            return 0;
        struct frames frames = { .file = file, .address = header.sh_addr, .is_eh = is_eh, .first_cie = file->cie_count };
        int error = 0;
        frames.data = elf_rawdata(scn, NULL);
        if (header.sh_flags & SHF_COMPRESSED)
            frames.data = elf_getdata(scn, NULL);
        if (file->type == ET_REL)
            error = elf_relocations_read(file, elf_ndxscn(scn), &frames.relocations);
        if (error == 0 && frames.data != NULL && frames.data->d_buf != NULL)
            error = read_entries(&frames);
        free(frames.cie_offsets);
        free(frames.relocations.items);
        return error;
    }
    return 0;
}

int cfi_read(struct elf_file *file)
{
    int error = read_section(file, file->elf, ".eh_frame", true);
    if (error == 0)
        error = read_section(file, file->elf, ".debug_frame", false);
    if (error == 0 && file->debug_elf != NULL)
        error = read_section(file, file->debug_elf, ".debug_frame", false);
    sort_ranges(file);
    return error;
}

/* ---- running a program ---- */

struct columns { /* numbers of the registers that are followed */
    uint8_t fp, ra;
};

static struct columns columns_of(const struct elf_file *file)
{
    return file->machine == EM_X86_64 ? (struct columns){ 6, 16 } : (struct columns){ 29, 30 };
}

struct run {
    const struct elf_cie *cie;
    struct columns columns;
    struct cfi_row row, initial, remembered[STATES_MOST];
    unsigned depth;
    uint64_t start, pc;           /* addresses: what offsets count from; where the program is */
    uint64_t low, high;           /* rows are wanted for these */
    struct cfi_row *rows;
    size_t count, most;
};

static bool is_equal(const struct cfi_row *a, const struct cfi_row *b)
{
    return a->cfa == b->cfa && a->cfa_register == b->cfa_register && a->fp == b->fp && a->ra == b->ra &&
           a->cfa_offset == b->cfa_offset && a->fp_offset == b->fp_offset && a->ra_offset == b->ra_offset;
}

static void add_row(struct run *run, struct cfi_row row, uint64_t pc)
{
    if (pc < run->low)
        pc = run->low;
    row.offset = pc - run->start;
    struct cfi_row *last = run->count > 0 ? &run->rows[run->count - 1] : NULL;
    if (last != NULL && last->offset == row.offset)
        *last = row;
    else if ((last == NULL || !is_equal(last, &row)) && run->count < run->most)
        run->rows[run->count++] = row;
}

static void advance(struct run *run, uint64_t delta)
{
    uint64_t next = run->pc + delta * run->cie->code_alignment;
    if (next > run->pc && next > run->low && run->pc < run->high)
        add_row(run, run->row, run->pc);
    run->pc = next;
}

static void set_rule(struct run *run, uint64_t column, uint8_t rule, int64_t offset)
{
    if (column == run->columns.fp) {
        run->row.fp = rule;
        run->row.fp_offset = offset;
    } else if (column == run->columns.ra) {
        run->row.ra = rule;
        run->row.ra_offset = offset;
    }
}

static void restore(struct run *run, uint64_t column)
{
    if (column == run->columns.fp)
        set_rule(run, column, run->initial.fp, run->initial.fp_offset);
    else if (column == run->columns.ra)
        set_rule(run, column, run->initial.ra, run->initial.ra_offset);
}

static void set_cfa(struct run *run, uint64_t column, int64_t offset)
{
    run->row.cfa = column < 64 ? CFI_CFA_REGISTER : CFI_CFA_EXPRESSION;
    run->row.cfa_register = column;
    run->row.cfa_offset = offset;
}

static void skip_block(struct cursor *cursor)
{
    uint64_t size = read_unsigned(cursor);
    if (size > (size_t)(cursor->end - cursor->at))
        cursor->is_broken = true;
    else
        cursor->at += size;
}

static void run_extended(struct run *run, struct cursor *cursor, uint8_t code)
{
    int64_t factor = run->cie->data_alignment;
    uint64_t column;
    switch (code) {
    case DW_CFA_nop: break;
    case DW_CFA_set_loc: cursor->is_broken = true; break;
    case DW_CFA_advance_loc1: advance(run, read_bytes(cursor, 1)); break;
    case DW_CFA_advance_loc2: advance(run, read_bytes(cursor, 2)); break;
    case DW_CFA_advance_loc4: advance(run, read_bytes(cursor, 4)); break;
    case DW_CFA_offset_extended: column = read_unsigned(cursor);
        set_rule(run, column, CFI_AT_CFA, read_unsigned(cursor) * factor); break;
    case DW_CFA_offset_extended_sf: column = read_unsigned(cursor);
        set_rule(run, column, CFI_AT_CFA, (uint64_t)read_signed(cursor) * factor); break;
    case DW_CFA_restore_extended: restore(run, read_unsigned(cursor)); break;
    case DW_CFA_undefined: set_rule(run, read_unsigned(cursor), CFI_UNDEFINED, 0); break;
    case DW_CFA_same_value: set_rule(run, read_unsigned(cursor), CFI_SAME, 0); break;
    case DW_CFA_register: column = read_unsigned(cursor); read_unsigned(cursor);
        set_rule(run, column, CFI_OTHER, 0); break;
    case DW_CFA_remember_state:
        if (run->depth == STATES_MOST)
            cursor->is_broken = true;
        else
            run->remembered[run->depth++] = run->row;
        break;
    case DW_CFA_restore_state:
        if (run->depth == 0)
            cursor->is_broken = true;
        else
            run->row = run->remembered[--run->depth];
        break;
    case DW_CFA_def_cfa: column = read_unsigned(cursor);
        set_cfa(run, column, read_unsigned(cursor)); break;
    case DW_CFA_def_cfa_sf: column = read_unsigned(cursor);
        set_cfa(run, column, (uint64_t)read_signed(cursor) * factor); break;
    case DW_CFA_def_cfa_register: set_cfa(run, read_unsigned(cursor), run->row.cfa_offset); break;
    case DW_CFA_def_cfa_offset: run->row.cfa_offset = read_unsigned(cursor); break;
    case DW_CFA_def_cfa_offset_sf: run->row.cfa_offset = (uint64_t)read_signed(cursor) * factor; break;
    case DW_CFA_def_cfa_expression: run->row.cfa = CFI_CFA_EXPRESSION; skip_block(cursor); break;
    case DW_CFA_expression: case DW_CFA_val_expression:
        set_rule(run, read_unsigned(cursor), CFI_OTHER, 0); skip_block(cursor); break;
    case DW_CFA_val_offset: case DW_CFA_val_offset_sf:
        set_rule(run, read_unsigned(cursor), CFI_OTHER, 0); read_unsigned(cursor); break;
    case DW_CFA_GNU_window_save: break; /* arm64: the return address is signed from here on, or no longer */
    case DW_CFA_GNU_args_size: read_unsigned(cursor); break;
    case DW_CFA_GNU_negative_offset_extended: column = read_unsigned(cursor);
        set_rule(run, column, CFI_AT_CFA, -(int64_t)(read_unsigned(cursor) * factor)); break;
    default: cursor->is_broken = true; break;
    }
}

/* False if the program made no sense to its end. */
static bool run_program(struct run *run, const uint8_t *program, const uint8_t *program_end)
{
    struct cursor cursor = { .at = program, .end = program_end };
    while (cursor.at < cursor.end && !cursor.is_broken && run->pc < run->high) {
        uint8_t byte = read_bytes(&cursor, 1), low = byte & 0x3f;
        switch (byte & 0xc0) {
        case DW_CFA_advance_loc: advance(run, low); break;
        case DW_CFA_offset:
            set_rule(run, low, CFI_AT_CFA, read_unsigned(&cursor) * run->cie->data_alignment);
            break;
        case DW_CFA_restore: restore(run, low); break;
        default: run_extended(run, &cursor, byte); break;
        }
    }
    return !cursor.is_broken;
}

static void run_range(struct run *run, const struct elf_range *range)
{
    run->row = (struct cfi_row){ .cfa = CFI_CFA_NONE, .fp = run->cie->is_debug ? CFI_UNSAID : CFI_SAME };
    run->pc = range->start;
    run->depth = 0;
    bool is_good = run_program(run, run->cie->program, run->cie->program_end);
    run->initial = run->row;
    run->pc = range->start;
    is_good = is_good && run_program(run, range->program, range->program_end);
    if (!is_good)
        run->row = (struct cfi_row){ .cfa = CFI_CFA_NONE };
    if (run->pc < range->end && run->pc < run->high)
        add_row(run, run->row, run->pc);
    if (range->end < run->high) /* whatever follows is not of this range */
        add_row(run, (struct cfi_row){ .cfa = CFI_CFA_NONE }, range->end);
}

size_t cfi_range_from(const struct elf_file *file, uint64_t address)
{
    size_t first = array_from(file->ranges, file->range_count, sizeof *file->ranges, address);
    return first > 0 && file->ranges[first - 1].end > address ? first - 1 : first;
}

size_t cfi_rows(const struct elf_file *file, uint64_t start, uint64_t end, struct cfi_row *rows, size_t most)
{
    struct run run = { .columns = columns_of(file), .start = start, .rows = rows, .most = most };
    for (size_t i = cfi_range_from(file, start); i < file->range_count && file->ranges[i].start < end; i++) {
        const struct elf_range *range = &file->ranges[i];
        run.cie = &file->cies[range->cie];
        run.low = range->start > start ? range->start : start;
        run.high = range->end < end ? range->end : end;
        if (run.count == 0 && run.low > start)
            add_row(&run, (struct cfi_row){ .cfa = CFI_CFA_NONE }, start);
        run.low = run.low > start ? run.low : start;
        run_range(&run, range);
    }
    return run.count;
}

bool cfi_is_entry(const struct elf_file *file, const struct cfi_row *row)
{
    bool is_x86 = file->machine == EM_X86_64;
    if (row->cfa != CFI_CFA_REGISTER)
        return row->cfa == CFI_CFA_NONE || row->ra == CFI_UNDEFINED;
    return row->cfa_register == (is_x86 ? 7 : 31) && row->cfa_offset == (is_x86 ? 8 : 0) &&
           (row->fp == CFI_SAME || row->fp == CFI_UNSAID);
}
