/* SPDX-License-Identifier: MIT */
/*
 * cfi.c: compiles .eh_frame into rows of four bytes.
 *
 * How it works. .eh_frame_hdr lists the functions (FDEs) by address. For each, its CFA program is
 * run once, and every pc where the rule changes becomes a row {low 16 bits of the offset, rule
 * number}. Rows lie by 64 KiB page of text, so that 16 bits do; each page begins with a row of its
 * own, so that a look-up never leaves its page. Rules go into one dictionary for the whole
 * process, so that a cache of looked-up pcs (unwind.c) needs to hold a number only.
 *
 * Only three registers are followed: the frame pointer, the return address, and one more that the
 * dynamic linker's resolver builds its CFA on (rbx). That keeps the rules few: libc has about 200.
 *
 * Nothing of what is read is trusted. A cursor never passes its end and stays broken once it has
 * tried; rows only rise; what makes no sense gives CFI_NONE up to the function's end. Fewer rows
 * than bytes of .eh_frame can come out, so the table is reserved at that size and its unused end
 * given back.
 *
 * Rejected: interpreting .eh_frame in the handler, as libgcc does (500 ns a frame, and it reads
 * memory that a dlclose may unmap); 16-byte rows (async-profiler), four times the memory for no
 * more speed.
 */
#define _GNU_SOURCE
#include "machine/cfi.h"

#include <errno.h>
#include <string.h>

#include "base/os.h"
#include "machine/registers.h"

/* ---- the dictionary ---- */

enum { HASH_SLOTS = 2 * CFI_RULES_MAX, PADDING_MAX = 15, STATES_MAX = 16 };

/* A named rule of which only the number counts. */
#define NOTHING                                                                                    \
    { .cfa = CFA_UNKNOWN, .fp = SAVED_UNKNOWN, .ra = SAVED_UNKNOWN, .base = SAVED_UNKNOWN }

/* At the first instruction of a function, but for so many words that are pushed. */
#define PUSHED(words)                                                                              \
    { .cfa = CFA_SP, .fp = SAVED_SAME, .base = SAVED_SAME,                                         \
      .ra = ENTRY_RA_IS_SAVED ? SAVED_AT_CFA : SAVED_SAME, .is_plain = ENTRY_RA_IS_SAVED,          \
      .cfa_offset = ENTRY_CFA_OFFSET + 8 * (words), .ra_offset = ENTRY_RA_OFFSET }

/* Written under object.c's lock; a reader meets a number only in rows published after its rule. */
struct cfi_rule rung_cfi_rules[CFI_RULES_MAX] = {
    [CFI_NONE] = NOTHING,
    [CFI_FRAMED] = { .cfa = CFA_FP, .fp = SAVED_AT_CFA, .ra = SAVED_AT_CFA, .base = SAVED_UNKNOWN,
                     .is_record = 1, .cfa_offset = 16, .fp_offset = -16, .ra_offset = -8 },
    [CFI_END] = NOTHING,
    [CFI_SIGNAL] = NOTHING,
    [CFI_ENTRY] = PUSHED(0),
    [CFI_PUSHED_ONE] = PUSHED(1),
    [CFI_PUSHED_TWO] = PUSHED(2),
};
static unsigned rule_count = CFI_NAMED;        /* under object.c's lock */
static uint16_t rule_slots[HASH_SLOTS];        /* the same; 0 is a free slot */

_Static_assert(sizeof(struct cfi_rule) == 24, "compared and hashed as three words without padding");

unsigned cfi_rule_count(void)
{
    return rule_count;
}

static unsigned intern(const struct cfi_rule *rule)
{
    uint64_t words[3];
    memcpy(words, rule, sizeof words);
    uint64_t hash = (words[0] ^ words[1] * 0x9e3779b97f4a7c15u ^ words[2] * 0xc2b2ae3d27d4eb4fu) *
                    0x9e3779b97f4a7c15u;
    for (size_t slot = hash >> 40;; slot++) {
        uint16_t *number = &rule_slots[slot % HASH_SLOTS];
        if (*number == 0) {
            if (rule_count == CFI_RULES_MAX)
                return CFI_NONE;
            rung_cfi_rules[rule_count] = *rule;
            *number = (uint16_t)rule_count;
            return rule_count++;
        }
        if (memcmp(&rung_cfi_rules[*number], rule, sizeof *rule) == 0)
            return *number;
    }
}

/*
 * A function's return address is saved below its CFA. glibc's resolver on arm64 says otherwise,
 * since its CFA leaves out the two words that the PLT has pushed: the CFA is then just above the
 * address.
 */
static void mend_cfa(struct cfi_rule *rule)
{
    bool is_wrong = rule->cfa == CFA_SP && rule->ra == SAVED_AT_CFA && rule->ra_offset >= 0 &&
                    rule->ra_offset < PAGE;
    if (!is_wrong)
        return;
    int32_t missing = rule->ra_offset + 8;
    rule->cfa_offset += missing;
    rule->ra_offset -= missing;
    if (rule->fp == SAVED_AT_CFA)
        rule->fp_offset -= missing;
}

/* The number of a rule: the named one that says the same, or one of the dictionary. */
static unsigned rule_number(const struct cfi_rule *from)
{
    struct cfi_rule rule = *from;
    if (rule.ra == SAVED_UNKNOWN)
        return CFI_END;
    mend_cfa(&rule);
    bool is_saved = rule.fp == SAVED_AT_CFA && rule.ra == SAVED_AT_CFA;
    bool is_framed = is_saved && rule.cfa == CFA_FP && rule.cfa_offset == 16 &&
                     rule.fp_offset == -16 && rule.ra_offset == -8;
    if (is_framed)
        return CFI_FRAMED;
    if (rule.cfa == CFA_UNKNOWN)
        return CFI_NONE;
    rule.is_record = is_saved && rule.ra_offset == rule.fp_offset + 8;
    rule.is_plain = (rule.cfa == CFA_SP || rule.cfa == CFA_FP) && rule.ra == SAVED_AT_CFA &&
                    (rule.fp == SAVED_SAME || rule.fp == SAVED_AT_CFA) &&
                    (rule.base == SAVED_SAME || rule.base == SAVED_AT_CFA);
    return intern(&rule);
}

/* ---- reading bytes ---- */

struct cursor {
    const uint8_t *at, *end;
    bool is_broken; /* read past the end, or met what it can't read; then stays so */
};

static bool cursor_has(struct cursor *cursor, size_t bytes)
{
    if (!cursor->is_broken && (size_t)(cursor->end - cursor->at) >= bytes)
        return true;
    cursor->is_broken = true;
    return false;
}

static uint64_t read_fixed(struct cursor *cursor, size_t bytes)
{
    uint64_t value = 0;
    if (!cursor_has(cursor, bytes))
        return 0;
    memcpy(&value, cursor->at, bytes); /* little-endian on both CPUs */
    cursor->at += bytes;
    return value;
}

static int64_t read_signed(struct cursor *cursor, size_t bytes)
{
    unsigned unused = 64 - 8 * (unsigned)bytes;
    return (int64_t)(read_fixed(cursor, bytes) << unused) >> unused;
}

static uint64_t read_leb(struct cursor *cursor, bool is_signed)
{
    uint64_t value = 0;
    for (unsigned shift = 0; cursor_has(cursor, 1); shift += 7) {
        uint8_t byte = *cursor->at++;
        if (shift >= 64)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) != 0)
            continue;
        if (is_signed && (byte & 0x40) != 0 && shift + 7 < 64)
            value |= ~UINT64_C(0) << (shift + 7);
        return value;
    }
    cursor->is_broken = true;
    return 0;
}

static uint64_t read_uleb(struct cursor *cursor)
{
    return read_leb(cursor, false);
}

static int64_t read_sleb(struct cursor *cursor)
{
    return (int64_t)read_leb(cursor, true);
}

/* What is left of the cursor's next `bytes`, as a cursor; the outer one goes on behind them. */
static struct cursor read_block(struct cursor *cursor, uint64_t bytes)
{
    struct cursor block = { cursor->at, cursor->at, true };
    if (!cursor_has(cursor, bytes))
        return block;
    cursor->at += bytes;
    return (struct cursor){ block.at, cursor->at, false };
}

/* A pointer in one of the DW_EH_PE encodings. */
static uintptr_t read_pointer(struct cursor *cursor, uint8_t encoding, uintptr_t data_start)
{
    uintptr_t place = (uintptr_t)cursor->at, value;
    switch (encoding & 0x0f) {
    case 0x0: case 0x4: case 0xc: value = read_fixed(cursor, 8); break;
    case 0x1: value = read_uleb(cursor); break;
    case 0x2: value = read_fixed(cursor, 2); break;
    case 0x3: value = read_fixed(cursor, 4); break;
    case 0x9: value = (uintptr_t)read_sleb(cursor); break;
    case 0xa: value = (uintptr_t)read_signed(cursor, 2); break;
    case 0xb: value = (uintptr_t)read_signed(cursor, 4); break;
    default: cursor->is_broken = true; return 0;
    }
    switch (encoding & 0x70) {
    case 0x00: return value;
    case 0x10: return place + value;
    case 0x30: return data_start + value;
    default: cursor->is_broken = true; return 0;
    }
}

/* From an address to the end of the loaded segment that holds it; broken outside all of them. */
static struct cursor cursor_at(const struct cfi_image *image, uintptr_t address)
{
    for (size_t i = 0; i < image->readable_count; i++) {
        const struct cfi_span *span = &image->readable[i];
        if (address >= span->start && address < span->end)
            return (struct cursor){ (const uint8_t *)address, (const uint8_t *)span->end, false };
    }
    return (struct cursor){ NULL, NULL, true };
}

/* ---- rows ---- */

struct builder {
    const struct cfi_image *image;
    uint32_t *pages;
    struct cfi_row *rows;
    uint32_t page_count, row_count, row_max;
    uint32_t page;         /* the last page that has rows */
    unsigned rule;         /* of the last row */
    uintptr_t covered;     /* offset of the first byte that no FDE has covered yet */
    struct cfi_rule last;  /* what `last_number` was computed from */
    unsigned last_number;
};

static void row_push(struct builder *builder, uint16_t low, unsigned rule)
{
    if (builder->row_count < builder->row_max)
        builder->rows[builder->row_count++] = (struct cfi_row){ low, (uint16_t)rule };
}

/* From this offset on, the rule holds. Offsets never fall. */
static void row_add(struct builder *builder, uintptr_t offset, unsigned rule)
{
    uint16_t low = (uint16_t)offset;
    while (builder->page < offset >> 16) {
        builder->pages[++builder->page] = builder->row_count;
        row_push(builder, 0, builder->rule);
    }
    struct cfi_row *last = &builder->rows[builder->row_count - 1];
    if (last->low == low)
        last->rule = (uint16_t)rule;
    else if (builder->rule != rule)
        row_push(builder, low, rule);
    builder->rule = rule;
}

static void row_add_rule(struct builder *builder, uintptr_t offset, const struct cfi_rule *rule)
{
    if (memcmp(&builder->last, rule, sizeof *rule) != 0) {
        builder->last = *rule;
        builder->last_number = rule_number(rule);
    }
    row_add(builder, offset, builder->last_number);
}

/* ---- expressions ---- */

enum {
    OP_DEREF = 0x06, OP_AND = 0x1a, OP_PLUS = 0x22, OP_PLUS_UCONST = 0x23, OP_SHL = 0x24,
    OP_GE = 0x2a, OP_LIT0 = 0x30, OP_BREG0 = 0x70, OP_BREG31 = 0x8f
};

/* sp + 8 + ((pc & 15) >= N ? 8 : 0), the rest of an x86 PLT's expression after breg(sp) 8. */
static bool read_plt(struct cursor expression, int32_t *threshold)
{
    static const uint8_t head[] = { OP_BREG0 + 16, 0, OP_LIT0 + 15, OP_AND };
    static const uint8_t tail[] = { OP_GE, OP_LIT0 + 3, OP_SHL, OP_PLUS };
    const uint8_t *at = expression.at;
    if (expression.end - at != sizeof head + 1 + sizeof tail || at[4] < OP_LIT0 ||
        at[4] > OP_LIT0 + 15)
        return false;
    *threshold = at[4] - OP_LIT0;
    return memcmp(at, head, sizeof head) == 0 && memcmp(at + 5, tail, sizeof tail) == 0;
}

/* A register and an offset, the head of each expression that we understand. */
static bool read_register_offset(struct cursor *expression, unsigned *number, int32_t *offset)
{
    uint8_t op = (uint8_t)read_fixed(expression, 1);
    int64_t value = read_sleb(expression);
    if (expression->is_broken || op < OP_BREG0 || op > OP_BREG31 || value != (int32_t)value)
        return false;
    *number = op - OP_BREG0;
    *offset = (int32_t)value;
    return true;
}

/* The CFA is *(register + offset) + addend, or a PLT's, or sp or fp + offset. */
static void cfa_by_expression(struct cfi_rule *rule, struct cursor expression)
{
    unsigned number;
    rule->cfa = CFA_UNKNOWN;
    rule->cfa_addend = rule->cfa_register = 0;
    if (!read_register_offset(&expression, &number, &rule->cfa_offset))
        return;
    if (number != DWARF_SP && number != DWARF_FP)
        return;
    if (expression.at == expression.end) {
        rule->cfa = number == DWARF_SP ? CFA_SP : CFA_FP;
        return;
    }
    if (number == DWARF_SP && rule->cfa_offset == 8 && read_plt(expression, &rule->cfa_offset)) {
        rule->cfa = CFA_PLT;
        return;
    }
    if (read_fixed(&expression, 1) != OP_DEREF)
        return;
    uint64_t addend = 0;
    if (expression.at != expression.end && read_fixed(&expression, 1) == OP_PLUS_UCONST)
        addend = read_uleb(&expression);
    if (expression.is_broken || expression.at != expression.end || addend > UINT8_MAX)
        return;
    rule->cfa_addend = (uint8_t)addend;
    rule->cfa = number == DWARF_SP ? CFA_SP_DEREF : CFA_FP_DEREF;
}

/* ---- one function's program ---- */

struct cie {
    const uint8_t *start; /* of its length field; NULL for none */
    uint64_t code_align;
    int64_t data_align;
    uint8_t pointer_encoding;
    bool has_augmentation;
    bool is_signal;
    struct cfi_rule initial;
};

struct program {
    struct cursor code;
    const struct cie *cie;
    struct builder *builder; /* NULL for a CIE's program, which makes no rows */
    uintptr_t offset, end;
    struct cfi_rule rule;
    struct cfi_rule states[STATES_MAX];
    unsigned state_count;
};

static void set_saved(struct cfi_rule *rule, uint64_t number, enum cfi_saved how, int64_t offset)
{
    if (offset != (int32_t)offset) {
        how = SAVED_UNKNOWN;
        offset = 0;
    }
    if (number == DWARF_FP) {
        rule->fp = how;
        rule->fp_offset = (int32_t)offset;
    } else if (number == DWARF_PC) {
        rule->ra = how;
        rule->ra_offset = (int32_t)offset;
    } else if (number == DWARF_BASE) {
        rule->base = how;
        rule->base_offset = (int32_t)offset;
    }
}

/*
 * A form that we don't follow. A return address must not look undefined: that is the outermost
 * frame's.
 */
static void set_unreadable(struct cfi_rule *rule, uint64_t number)
{
    if (number == DWARF_PC)
        set_saved(rule, number, SAVED_IN_REGISTER, -1);
    else
        set_saved(rule, number, SAVED_UNKNOWN, 0);
}

static void restore_saved(struct cfi_rule *rule, uint64_t number, const struct cfi_rule *initial)
{
    if (number == DWARF_FP)
        set_saved(rule, number, initial->fp, initial->fp_offset);
    else if (number == DWARF_PC)
        set_saved(rule, number, initial->ra, initial->ra_offset);
    else if (number == DWARF_BASE)
        set_saved(rule, number, initial->base, initial->base_offset);
}

static void set_saved_by_expression(struct cfi_rule *rule, uint64_t number,
                                    struct cursor expression)
{
    unsigned from;
    int32_t offset;
    bool is_plain = read_register_offset(&expression, &from, &offset) &&
                    expression.at == expression.end && (from == DWARF_SP || from == DWARF_FP);
    if (is_plain)
        set_saved(rule, number, from == DWARF_SP ? SAVED_AT_SP : SAVED_AT_FP, offset);
    else
        set_unreadable(rule, number);
}

static void set_cfa_offset(struct cfi_rule *rule, int64_t offset)
{
    rule->cfa_offset = (int32_t)offset;
    if (offset != (int32_t)offset || rule->cfa >= CFA_SP_DEREF)
        rule->cfa = CFA_UNKNOWN;
}

static void set_cfa_register(struct cfi_rule *rule, uint64_t number)
{
    rule->cfa_addend = rule->cfa_register = 0;
    if (number == DWARF_SP) {
        rule->cfa = CFA_SP;
    } else if (number == DWARF_FP) {
        rule->cfa = CFA_FP;
    } else if (number == DWARF_BASE) {
        rule->cfa = CFA_BASE;
    } else {
        rule->cfa = number <= UINT8_MAX ? CFA_REGISTER : CFA_UNKNOWN;
        rule->cfa_register = (uint8_t)number;
    }
}

/* The rule so far holds up to here. */
static void advance(struct program *program, uint64_t units)
{
    uint64_t bytes = units * program->cie->code_align;
    if (program->builder == NULL || units > UINT32_MAX || program->cie->code_align > 16)
        program->code.is_broken = true;
    if (program->code.is_broken || bytes == 0)
        return;
    row_add_rule(program->builder, program->offset, &program->rule);
    if (bytes >= program->end - program->offset)
        program->code.at = program->code.end; /* what comes after holds for no instruction */
    else
        program->offset += bytes;
}

static void remember(struct program *program)
{
    if (program->state_count < STATES_MAX)
        program->states[program->state_count++] = program->rule;
    else
        program->code.is_broken = true;
}

static void restore(struct program *program)
{
    if (program->state_count > 0)
        program->rule = program->states[--program->state_count];
    else
        program->code.is_broken = true;
}

/* The instructions that say where registers are; DW_CFA_* by number. */
static bool run_register(struct program *program, uint8_t op)
{
    struct cursor *code = &program->code;
    struct cfi_rule *rule = &program->rule;
    int64_t align = program->cie->data_align;
    uint64_t number = read_uleb(code);
    switch (op) {
    case 0x05: set_saved(rule, number, SAVED_AT_CFA, (int64_t)read_uleb(code) * align); break;
    case 0x06: restore_saved(rule, number, &program->cie->initial); break;
    case 0x07: set_saved(rule, number, SAVED_UNKNOWN, 0); break;
    case 0x08: set_saved(rule, number, SAVED_SAME, 0); break;
    case 0x09: set_saved(rule, number, SAVED_IN_REGISTER, (int64_t)read_uleb(code)); break;
    case 0x10: set_saved_by_expression(rule, number, read_block(code, read_uleb(code))); break;
    case 0x11: set_saved(rule, number, SAVED_AT_CFA, read_sleb(code) * align); break;
    case 0x14: read_uleb(code); set_unreadable(rule, number); break;
    case 0x15: read_sleb(code); set_unreadable(rule, number); break;
    case 0x16: read_block(code, read_uleb(code)); set_unreadable(rule, number); break;
    case 0x2f: set_saved(rule, number, SAVED_AT_CFA, -(int64_t)read_uleb(code) * align); break;
    default: return false;
    }
    return true;
}

/* All others of two bytes and more. */
static void run_extended(struct program *program, uint8_t op)
{
    struct cursor *code = &program->code;
    struct cfi_rule *rule = &program->rule;
    int64_t align = program->cie->data_align;
    switch (op) {
    case 0x00: break;
    case 0x02: advance(program, read_fixed(code, 1)); break;
    case 0x03: advance(program, read_fixed(code, 2)); break;
    case 0x04: advance(program, read_fixed(code, 4)); break;
    case 0x0a: remember(program); break;
    case 0x0b: restore(program); break;
    case 0x0c:
        set_cfa_register(rule, read_uleb(code));
        set_cfa_offset(rule, (int64_t)read_uleb(code));
        break;
    case 0x0d: set_cfa_register(rule, read_uleb(code)); break;
    case 0x0e: set_cfa_offset(rule, (int64_t)read_uleb(code)); break;
    case 0x0f: cfa_by_expression(rule, read_block(code, read_uleb(code))); break;
    case 0x12:
        set_cfa_register(rule, read_uleb(code));
        set_cfa_offset(rule, read_sleb(code) * align);
        break;
    case 0x13: set_cfa_offset(rule, read_sleb(code) * align); break;
    case 0x2d: break; /* return addresses are signed from here on: they are stripped always */
    case 0x2e: read_uleb(code); break; /* size of pushed arguments: for landing pads only */
    default:
        if (!run_register(program, op))
            code->is_broken = true;
    }
}

/* Runs the program. What follows a malformed or unknown instruction has no rule. */
static void program_run(struct program *program)
{
    struct cursor *code = &program->code;
    while (!code->is_broken && code->at < code->end) {
        uint8_t op = *code->at++, operand = op & 0x3f;
        switch (op & 0xc0) {
        case 0x40: advance(program, operand); break;
        case 0x80:
            set_saved(&program->rule, operand, SAVED_AT_CFA,
                      (int64_t)read_uleb(code) * program->cie->data_align);
            break;
        case 0xc0: restore_saved(&program->rule, operand, &program->cie->initial); break;
        default: run_extended(program, op);
        }
    }
}

/* ---- CIEs and FDEs ---- */

/*
 * The contents of the record at an address, behind its length. 64-bit records exist in theory
 * only.
 */
static struct cursor read_record(const struct cfi_image *image, uintptr_t address)
{
    struct cursor cursor = cursor_at(image, address);
    uint64_t length = read_fixed(&cursor, 4);
    if (length == 0 || length >= 0xfffffff0)
        cursor.is_broken = true;
    return read_block(&cursor, length);
}

static void read_augmentation(struct cie *cie, const char *letters, struct cursor *data)
{
    for (; *letters != '\0' && !data->is_broken; letters++) {
        switch (*letters) {
        case 'R': cie->pointer_encoding = (uint8_t)read_fixed(data, 1); break;
        case 'L': read_fixed(data, 1); break;
        case 'P': {
            uint8_t encoding = (uint8_t)read_fixed(data, 1);
            read_pointer(data, encoding & 0x0f, 0);
            break;
        }
        case 'S': cie->is_signal = true; break;
        case 'B': case 'G': break;  /* arm64: which key signs; memory tags */
        default: return;            /* the length tells where the instructions begin */
        }
    }
}

/* Reads a CIE and runs its program. cie->start stays NULL if it is malformed. */
static void cie_read(const struct cfi_image *image, uintptr_t address, struct cie *cie)
{
    struct cursor cursor = read_record(image, address);
    memset(cie, 0, sizeof *cie);
    if (read_fixed(&cursor, 4) != 0)
        return;
    uint64_t version = read_fixed(&cursor, 1);
    const char *letters = (const char *)cursor.at;
    while (read_fixed(&cursor, 1) != 0)
        ;
    if (version == 4)
        read_fixed(&cursor, 2); /* sizes of an address and of a segment selector */
    cie->code_align = read_uleb(&cursor);
    cie->data_align = read_sleb(&cursor);
    uint64_t ra_register = version == 1 ? read_fixed(&cursor, 1) : read_uleb(&cursor);
    if (cursor.is_broken || (letters[0] != 'z' && letters[0] != '\0') || ra_register != DWARF_PC ||
        (version != 1 && version != 3 && version != 4) || cie->code_align == 0 ||
        cie->data_align < -64 || cie->data_align > 64)
        return;
    if (letters[0] == 'z') {
        cie->has_augmentation = true;
        struct cursor data = read_block(&cursor, read_uleb(&cursor));
        read_augmentation(cie, letters + 1, &data);
        if (data.is_broken)
            return;
    }
    cie->initial = (struct cfi_rule){ .cfa = CFA_UNKNOWN, .fp = SAVED_SAME, .ra = SAVED_SAME,
                                      .base = SAVED_SAME };
    struct program program = { .code = cursor, .cie = cie, .rule = cie->initial };
    program_run(&program);
    cie->initial = program.rule;
    if (!program.code.is_broken)
        cie->start = (const uint8_t *)address;
}

/* Adds one function's rows. A malformed one leaves a hole, as if it had no FDE. */
static void fde_compile(struct builder *builder, uintptr_t address, struct cie *cie)
{
    const struct cfi_image *image = builder->image;
    struct cursor cursor = read_record(image, address);
    uintptr_t place = (uintptr_t)cursor.at;
    uint64_t distance = read_fixed(&cursor, 4);
    if (cursor.is_broken || distance == 0)
        return;
    if ((uintptr_t)cie->start != place - distance)
        cie_read(image, place - distance, cie);
    if (cie->start == NULL)
        return;
    uintptr_t start = read_pointer(&cursor, cie->pointer_encoding, image->header.start);
    uintptr_t bytes = read_pointer(&cursor, cie->pointer_encoding & 0x0f, 0);
    if (cie->has_augmentation)
        read_block(&cursor, read_uleb(&cursor));
    uintptr_t offset = start - image->text.start;
    if (cursor.is_broken || start < image->text.start + builder->covered || bytes == 0 ||
        start >= image->text.end || bytes > image->text.end - start)
        return;
    if (offset - builder->covered > PADDING_MAX)
        row_add(builder, builder->covered, CFI_NONE);
    builder->covered = offset + bytes;
    if (cie->is_signal) {
        row_add(builder, offset, CFI_SIGNAL);
        return;
    }
    struct program program = { .code = cursor, .cie = cie, .builder = builder,
                               .offset = offset, .end = offset + bytes, .rule = cie->initial };
    program_run(&program);
    if (program.code.is_broken)
        row_add(builder, program.offset, CFI_NONE);
    else
        row_add_rule(builder, program.offset, &program.rule);
}

/* ---- the table ---- */

/* .eh_frame_hdr with its table of {function, FDE}, both 32 bits relative to itself, sorted. */
static struct cursor header_read(const struct cfi_image *image, uintptr_t *frames)
{
    enum { HEADER_VERSION = 1, UDATA4 = 0x03, SORTED_TABLE = 0x3b };
    struct cursor header = { (const uint8_t *)image->header.start,
                             (const uint8_t *)image->header.end, false };
    uint64_t version = read_fixed(&header, 1);
    uint8_t frames_encoding = (uint8_t)read_fixed(&header, 1);
    uint64_t count_encoding = read_fixed(&header, 1), table_encoding = read_fixed(&header, 1);
    *frames = read_pointer(&header, frames_encoding, image->header.start);
    uint64_t count = read_fixed(&header, 4);
    if (version != HEADER_VERSION || count_encoding != UDATA4 || table_encoding != SORTED_TABLE)
        header.is_broken = true;
    return read_block(&header, count * 8);
}

static void table_finish(struct builder *builder)
{
    if (builder->covered < (uintptr_t)builder->page_count << 16)
        row_add(builder, builder->covered, CFI_NONE);
    while (++builder->page < builder->page_count) {
        builder->pages[builder->page] = builder->row_count;
        row_push(builder, 0, CFI_NONE);
    }
    builder->pages[builder->page_count] = builder->row_count;
}

int cfi_compile(const struct cfi_image *image, struct cfi_table *table)
{
    uintptr_t frames;
    struct cursor entries = header_read(image, &frames);
    struct cursor readable = cursor_at(image, frames);
    uintptr_t text_bytes = image->text.end - image->text.start;
    memset(table, 0, sizeof *table);
    if (entries.is_broken || readable.is_broken || text_bytes > UINT32_MAX)
        return -ENOENT;
    size_t page_count = (text_bytes >> 16) + 1;
    size_t pages_bytes = (page_count + 1) * sizeof(uint32_t);
    size_t row_max = (size_t)(readable.end - readable.at) + (size_t)(entries.end - entries.at) +
                     page_count + 2;
    size_t bytes = round_up(pages_bytes + row_max * sizeof(struct cfi_row), PAGE);
    uint32_t *pages = os_reserve(bytes);
    if (pages == NULL)
        return -ENOMEM;
    if (row_max > UINT32_MAX || os_commit(pages, bytes) < 0) {
        os_release(pages, bytes);
        return -ENOMEM;
    }
    struct builder builder = { .image = image, .pages = pages, .page_count = (uint32_t)page_count,
                               .rows = (struct cfi_row *)(pages + page_count + 1),
                               .row_max = (uint32_t)row_max };
    row_push(&builder, 0, CFI_NONE);
    struct cie cie = { .start = NULL };
    while (entries.at < entries.end) {
        read_signed(&entries, 4);
        fde_compile(&builder, image->header.start + (uintptr_t)read_signed(&entries, 4), &cie);
    }
    table_finish(&builder);
    size_t used = round_up(pages_bytes + builder.row_count * sizeof(struct cfi_row), PAGE);
    if (used < bytes)
        os_release((char *)pages + used, bytes - used);
    *table = (struct cfi_table){ pages, builder.rows, builder.page_count, builder.row_count, used };
    return 0;
}

void cfi_release(struct cfi_table *table)
{
    if (table->pages != NULL)
        os_release((void *)table->pages, table->bytes);
    memset(table, 0, sizeof *table);
}

unsigned cfi_find(const struct cfi_table *table, uintptr_t offset)
{
    size_t page = offset >> 16;
    if (page >= table->page_count)
        return CFI_NONE;
    const struct cfi_row *row = table->rows + table->pages[page];
    size_t count = table->pages[page + 1] - table->pages[page];
    uint16_t low = (uint16_t)offset;
    while (count > 1) {
        size_t half = count / 2;
        row += row[half].low <= low ? half : 0;
        count -= half;
    }
    return row->rule;
}
