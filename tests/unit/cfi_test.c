/* CFA programs become the rules that they say; no bytes make the compiler fault or hang. */
/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#include "../test.h"
#include "machine/arch.h"
#include "machine/cfi.h"
#include "machine/registers.h"

enum { IMAGE_BYTES = 4096, TEXT_DISTANCE = 0x100000, TEXT_BYTES = 0x30000, FDES_MAX = 16 };

/* ---- an .eh_frame under construction ---- */

static struct image {
    uint8_t bytes[IMAGE_BYTES]; /* .eh_frame_hdr, then .eh_frame */
    size_t used, fde_count;
    size_t cie;
} made;

static void put(const void *bytes, size_t count)
{
    EXPECT(made.used + count <= sizeof made.bytes);
    memcpy(made.bytes + made.used, bytes, count);
    made.used += count;
}

static void put_u8(unsigned value)
{
    uint8_t byte = (uint8_t)value;
    put(&byte, 1);
}

static void put_u32(uint32_t value)
{
    put(&value, 4);
}

static uintptr_t text_start(void)
{
    return (uintptr_t)made.bytes + TEXT_DISTANCE; /* never read */
}

static void put_text_address(uintptr_t offset)
{
    put_u32((uint32_t)(text_start() + offset - (uintptr_t)(made.bytes + made.used)));
}

static void end_record(size_t start)
{
    while (made.used % 4 != 0)
        put_u8(0);
    uint32_t length = (uint32_t)(made.used - start - 4);
    memcpy(made.bytes + start, &length, 4);
}

/* CFA = sp + 16, return address at CFA - 8, whatever the CPU; factors 1 and -8. */
static void begin_cie(const char *augmentation)
{
    made.cie = made.used;
    put_u32(0);
    put_u32(0);
    put_u8(1);
    put(augmentation, strlen(augmentation) + 1);
    const uint8_t fixed[] = { 1, 0x78, DWARF_PC, 1, 0x1b, 0x0c, DWARF_SP, 16, 0x80 | DWARF_PC, 1 };
    put(fixed, sizeof fixed);
    end_record(made.cie);
}

static void begin_image(const char *augmentation)
{
    memset(&made, 0, sizeof made);
    made.used = 12 + FDES_MAX * 8;
    begin_cie(augmentation);
}

/* Adds a function with its program. */
static void add_function(uintptr_t start, uint32_t bytes, const void *program, size_t program_bytes)
{
    size_t fde = made.used;
    put_u32(0);
    put_u32((uint32_t)(made.used - made.cie));
    put_text_address(start);
    put_u32(bytes);
    put_u8(0);
    put(program, program_bytes);
    end_record(fde);
    size_t entry = 12 + made.fde_count++ * 8, end = made.used;
    made.used = entry;
    put_u32((uint32_t)(TEXT_DISTANCE + start));
    put_u32((uint32_t)fde);
    made.used = end;
}

static struct cfi_table table;

static int compile(void)
{
    size_t end = made.used;
    put_u32(0);
    size_t total = made.used;
    made.used = 0;
    const uint8_t head[] = { 1, 0x1b, 0x03, 0x3b };
    put(head, sizeof head);
    put_u32((uint32_t)(12 + FDES_MAX * 8 - 4));
    put_u32((uint32_t)made.fde_count);
    made.used = end;
    struct cfi_span readable = { (uintptr_t)made.bytes, (uintptr_t)made.bytes + total };
    struct cfi_image image = { { (uintptr_t)made.bytes,
                                 (uintptr_t)made.bytes + 12 + made.fde_count * 8 },
                               { text_start(), text_start() + TEXT_BYTES },
                               &readable,
                               1 };
    cfi_release(&table);
    return cfi_compile(&image, &table);
}

#define PROGRAM(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

/* One function of 100 bytes at 0 with this program. */
static void compile_program(const uint8_t *program, size_t bytes)
{
    begin_image("zR");
    add_function(0, 100, program, bytes);
    EXPECT_EQ(compile(), 0);
}

static void expect_cfa(uintptr_t offset, enum cfi_cfa cfa, int32_t cfa_offset)
{
    const struct cfi_rule *rule = cfi_rule(cfi_find(&table, offset));
    EXPECT_EQ(rule->cfa, cfa);
    EXPECT_EQ(rule->cfa_offset, cfa_offset);
}

static void expect_fp(uintptr_t offset, enum cfi_saved how, int32_t at)
{
    const struct cfi_rule *rule = cfi_rule(cfi_find(&table, offset));
    EXPECT_EQ(rule->fp, how);
    EXPECT_EQ(rule->fp_offset, at);
}

static void expect_ra(uintptr_t offset, enum cfi_saved how, int32_t at)
{
    const struct cfi_rule *rule = cfi_rule(cfi_find(&table, offset));
    EXPECT_EQ(rule->ra, how);
    EXPECT_EQ(rule->ra_offset, at);
}

/* ---- what programs say ---- */

enum { OFFSET_FP = 0x80 | DWARF_FP, RESTORE_FP = 0xc0 | DWARF_FP, ADVANCE = 0x40 };

static void test_frame(void)
{
    /* push fp; mov sp, fp; leave, as compilers write it */
    compile_program(PROGRAM(ADVANCE | 4, 0x0e, 32, OFFSET_FP, 2, ADVANCE | 3, 0x0d, DWARF_FP, 0x0e, 16,
                            0x02, 50, 0x0c, DWARF_SP, 8, RESTORE_FP));
    expect_cfa(0, CFA_SP, 16);
    expect_fp(0, SAVED_SAME, 0);
    expect_ra(0, SAVED_AT_CFA, -8);
    expect_cfa(3, CFA_SP, 16);
    expect_cfa(4, CFA_SP, 32);
    expect_fp(4, SAVED_AT_CFA, -16);
    EXPECT_EQ(cfi_find(&table, 7), CFI_FRAMED);
    EXPECT_EQ(cfi_find(&table, 56), CFI_FRAMED);
    expect_cfa(57, CFA_SP, 8);
    expect_fp(57, SAVED_SAME, 0);
    expect_cfa(99, CFA_SP, 8);
    EXPECT_EQ(cfi_find(&table, 100), CFI_NONE);
    EXPECT_EQ(cfi_find(&table, TEXT_BYTES - 1), CFI_NONE);
    EXPECT_EQ(cfi_find(&table, TEXT_BYTES * 2), CFI_NONE);
    EXPECT_EQ(cfi_find(&table, ~(uintptr_t)0), CFI_NONE);
}

static void test_states(void)
{
    compile_program(PROGRAM(ADVANCE | 1, 0x0e, 24, 0x0a, OFFSET_FP, 3, ADVANCE | 1, 0x0a, 0x0e, 64, ADVANCE | 1,
                            0x0b, ADVANCE | 1, 0x0b, 0x03, 10, 0, 0x0e, 48));
    expect_cfa(2, CFA_SP, 64);
    expect_fp(2, SAVED_AT_CFA, -24);
    expect_cfa(3, CFA_SP, 24);
    expect_fp(3, SAVED_AT_CFA, -24);
    expect_cfa(4, CFA_SP, 24);
    expect_fp(4, SAVED_SAME, 0);
    expect_cfa(14, CFA_SP, 48);
}

static void test_registers(void)
{
    /* offset_extended, register, undefined, same_value, _sf, args_size, negate_ra_state */
    compile_program(PROGRAM(0x05, DWARF_FP, 5, ADVANCE | 1, 0x09, DWARF_FP, 9, ADVANCE | 1, 0x07, DWARF_FP,
                            ADVANCE | 1, 0x08, DWARF_FP, ADVANCE | 1, 0x11, DWARF_FP, 0x7e, ADVANCE | 1,
                            0x12, DWARF_SP, 0x7d, ADVANCE | 1, 0x13, 0x7c, ADVANCE | 1, 0x2e, 16, 0x2d,
                            0x0c, 5, 8, ADVANCE | 1, 0x06, DWARF_FP, 0x09, DWARF_PC, 2, 0x04, 4, 0, 0, 0,
                            0x07, DWARF_PC));
    expect_fp(0, SAVED_AT_CFA, -40);
    expect_fp(1, SAVED_IN_REGISTER, 9);
    expect_fp(2, SAVED_UNKNOWN, 0);
    expect_fp(3, SAVED_SAME, 0);
    expect_fp(4, SAVED_AT_CFA, 16);
    expect_cfa(5, CFA_SP, 24);
    expect_cfa(6, CFA_SP, 32);
    expect_cfa(7, CFA_REGISTER, 8);
    EXPECT_EQ(cfi_rule(cfi_find(&table, 7))->cfa_register, 5);
    expect_fp(8, SAVED_SAME, 0);
    expect_ra(8, SAVED_IN_REGISTER, 2);
    EXPECT_EQ(cfi_find(&table, 12), CFI_END);
    EXPECT_EQ(cfi_find(&table, 99), CFI_END);
}

/*
 * A return address above the CFA, as glibc says of its resolver on arm64: it is the CFA that is
 * wrong.
 */
static void test_mended(void)
{
    compile_program(PROGRAM(OFFSET_FP, 3, ADVANCE | 4, 0x11, DWARF_PC, 0x7f));
    expect_cfa(0, CFA_SP, 16);
    expect_cfa(4, CFA_SP, 32);
    expect_ra(4, SAVED_AT_CFA, -8);
    expect_fp(4, SAVED_AT_CFA, -40);
}

static void test_expressions(void)
{
    enum { BREG_SP = 0x70 + DWARF_SP, BREG_FP = 0x70 + DWARF_FP, BREG_PC = 0x80 };
    /*
     * the link of switch.S, gcc's realigned frame, perlasm's, a PLT's; then what nobody
     * understands
     */
    compile_program(PROGRAM(0x0f, 3, BREG_FP, 16, 0x06, 0x10, DWARF_FP, 2, BREG_FP, 0, 0x10, DWARF_PC, 2,
                            BREG_FP, 8, ADVANCE | 1, 0x0f, 3, BREG_FP, 0x78, 0x06, ADVANCE | 1, 0x0f, 6, BREG_SP,
                            0xf8, 0x01, 0x06, 0x23, 8, ADVANCE | 1, 0x0f, 11, BREG_SP, 8, BREG_PC, 0, 0x3f, 0x1a,
                            0x3b, 0x2a, 0x33, 0x24, 0x22, ADVANCE | 1, 0x0f, 3, BREG_FP, 0, 0x96, ADVANCE | 1,
                            0x0f, 2, BREG_SP, 40, ADVANCE | 1, 0x16, DWARF_FP, 1, 0x30));
    expect_cfa(0, CFA_FP_DEREF, 16);
    expect_fp(0, SAVED_AT_FP, 0);
    expect_ra(0, SAVED_AT_FP, 8);
    expect_cfa(1, CFA_FP_DEREF, -8);
    expect_cfa(2, CFA_SP_DEREF, 120 + 128);
    EXPECT_EQ(cfi_rule(cfi_find(&table, 2))->cfa_addend, 8);
    if (DWARF_PC == 16)
        expect_cfa(3, CFA_PLT, 11);
    EXPECT_EQ(cfi_find(&table, 4), CFI_NONE);
    expect_cfa(5, CFA_SP, 40);
    expect_fp(6, SAVED_UNKNOWN, 0);
}

static void test_functions(void)
{
    /*
     * Padding between functions belongs to the one before; a larger gap to nobody. A page's end is
     * no end.
     */
    begin_image("zR");
    add_function(10, 20, PROGRAM(0x0e, 32));
    add_function(40, 10, PROGRAM(0x0e, 40));
    add_function(0xfff0, 0x20010, PROGRAM(0x0e, 48, 0x04, 0x11, 0, 1, 0, 0x0e, 56));
    add_function(45, 100, PROGRAM(0x0e, 64)); /* not sorted: left out */
    add_function(0x2fff0, 0x20, PROGRAM(0x0e, 64)); /* over the text's end: left out */
    EXPECT_EQ(compile(), 0);
    EXPECT_EQ(cfi_find(&table, 9), CFI_NONE);
    expect_cfa(10, CFA_SP, 32);
    expect_cfa(35, CFA_SP, 32);
    expect_cfa(40, CFA_SP, 40);
    EXPECT_EQ(cfi_find(&table, 50), CFI_NONE);
    EXPECT_EQ(cfi_find(&table, 60), CFI_NONE);
    expect_cfa(0xffff, CFA_SP, 48);
    expect_cfa(0x10000, CFA_SP, 48);
    expect_cfa(0x20000, CFA_SP, 48);
    expect_cfa(0x20001, CFA_SP, 56);
    expect_cfa(0x2ffff, CFA_SP, 56);
    begin_image("zRS");
    add_function(0, 100, PROGRAM(0x0e, 32));
    EXPECT_EQ(compile(), 0);
    EXPECT_EQ(cfi_find(&table, 50), CFI_SIGNAL);
}

static void test_malformed(void)
{
    compile_program(PROGRAM(0x0e, 32, ADVANCE | 8, 0x3f, ADVANCE | 8, 0x0e, 40)); /* an unknown instruction */
    expect_cfa(7, CFA_SP, 32);
    EXPECT_EQ(cfi_find(&table, 8), CFI_NONE);
    EXPECT_EQ(cfi_find(&table, 99), CFI_NONE);
    compile_program(PROGRAM(ADVANCE | 8, 0x0b)); /* nothing to restore */
    EXPECT_EQ(cfi_find(&table, 9), CFI_NONE);
    uint8_t remembers[40];
    memset(remembers, 0x0a, sizeof remembers);
    compile_program(remembers, sizeof remembers);
    EXPECT_EQ(cfi_find(&table, 0), CFI_NONE);
    compile_program(PROGRAM(0x0e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)); /* no end */
    EXPECT_EQ(cfi_find(&table, 0), CFI_NONE);
    compile_program(PROGRAM(0x0f, 100, 0x77, 0)); /* an expression longer than its function */
    EXPECT_EQ(cfi_find(&table, 0), CFI_NONE);
    compile_program(PROGRAM(0x04, 0xff, 0xff, 0xff, 0xff, 0x0e, 32)); /* past the function's end */
    expect_cfa(99, CFA_SP, 16);
    begin_image("eh"); /* gcc 2's, with a word in between */
    add_function(0, 100, PROGRAM(0x0e, 32));
    EXPECT_EQ(compile(), 0);
    EXPECT_EQ(cfi_find(&table, 0), CFI_NONE);
}

/* ---- libc's own, spoiled ---- */

struct libc {
    uintptr_t bias;
    struct cfi_span header, segment, text;
};

static int find_libc(struct dl_phdr_info *info, size_t bytes, void *arg)
{
    struct libc *libc = arg;
    bool is_libc = false;
    (void)bytes;
    *libc = (struct libc){ .bias = info->dlpi_addr };
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        struct cfi_span span = { libc->bias + segment->p_vaddr,
                                 libc->bias + segment->p_vaddr + segment->p_filesz };
        if (segment->p_type == PT_GNU_EH_FRAME)
            libc->header = span;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0)
            libc->text = span;
        is_libc |= (uintptr_t)qsort >= span.start && (uintptr_t)qsort < span.end;
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = libc->bias + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && libc->header.start >= start &&
            libc->header.start < start + segment->p_filesz)
            libc->segment = (struct cfi_span){ libc->header.start, start + segment->p_filesz };
    }
    return is_libc;
}

/*
 * A copy that ends at a page which can't be touched, in which a few bytes are changed each round.
 */
static void test_fuzz(void)
{
    struct libc libc;
    EXPECT(dl_iterate_phdr(find_libc, &libc) == 1);
    size_t bytes = libc.segment.end - libc.segment.start, room = round_up(bytes, (size_t)PAGE);
    char *memory =
        mmap(NULL, room + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(memory != MAP_FAILED);
    EXPECT_EQ(mprotect(memory + room, PAGE, PROT_NONE), 0);
    uint8_t *copy = (uint8_t *)memory + room - bytes;
    uintptr_t moved = (uintptr_t)copy - libc.segment.start;
    struct cfi_span readable = { (uintptr_t)copy, (uintptr_t)copy + bytes };
    struct cfi_image image = { { libc.header.start + moved, libc.header.end + moved },
                               { libc.text.start + moved, libc.text.end + moved }, &readable, 1 };
    uint64_t random = test_seed();
    uint32_t rows = 0, least = UINT32_MAX;
    for (int64_t round = 0; round < test_scaled(300); round++) {
        memcpy(copy, (const void *)libc.segment.start, bytes);
        for (int64_t i = 0; i < round * 10; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            copy[(random >> 20) % bytes] = (uint8_t)(random >> 56);
        }
        if (round % 3 == 2)
            readable.end = (uintptr_t)copy + bytes - random % bytes / 2;
        cfi_release(&table);
        if (cfi_compile(&image, &table) < 0)
            continue;
        rows = round == 0 ? table.row_count : rows;
        least = table.row_count < least ? table.row_count : least;
        for (uintptr_t at = 0; at < image.text.end - image.text.start; at += 4099)
            EXPECT(cfi_find(&table, at) < CFI_RULES_MAX);
    }
    printf("libc: %u rows, spoiled down to %u; %u rules\n", rows, least, cfi_rule_count());
    EXPECT(rows > 1000 && least < rows);
}

int main(void)
{
    test_frame();
    test_states();
    test_registers();
    test_mended();
    test_expressions();
    test_functions();
    test_malformed();
    test_fuzz();
    return 0;
}
