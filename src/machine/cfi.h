/* SPDX-License-Identifier: MIT */
/*
 * cfi.h: what .eh_frame says, compiled into a table fit for a signal handler.
 *
 * A table maps a pc to a rule: where the caller's stack pointer, frame pointer and pc are. Rows
 * cost four bytes, rules are shared by all objects of the process. Compiling runs in a normal
 * thread, under object.c's lock; looking up is async-signal-safe, and sees what object.c has
 * published.
 */
#ifndef RUNG_CFI_H
#define RUNG_CFI_H

#include "base/base.h"

/* Rules with a number of their own. All others are numbered as they are met. */
enum {
    CFI_NONE = 0,   /* nothing is known of this pc */
    CFI_FRAMED = 1, /* CFA = fp + 16, {fp, pc} just below it: a frame record's own rule */
    CFI_END = 2,    /* the outermost frame: its return address is undefined */
    CFI_SIGNAL = 3, /* returns from a signal handler: the interrupted registers are on the stack */
    CFI_ENTRY = 4,  /* the first instruction of a function */
    CFI_PUSHED_ONE, /* the same with a word on top of the stack, or two */
    CFI_PUSHED_TWO,
    CFI_NAMED       /* how many */
};

/* How the CFA, which is the caller's stack pointer, is found. */
enum cfi_cfa {
    CFA_UNKNOWN = 1,
    CFA_SP,       /* sp + cfa_offset */
    CFA_FP,       /* fp + cfa_offset */
    CFA_BASE,     /* base register + cfa_offset (rbx in the dynamic linker's resolver) */
    CFA_REGISTER, /* another register + cfa_offset: an interrupted frame only */
    CFA_SP_DEREF, /* *(sp + cfa_offset) + cfa_addend */
    CFA_FP_DEREF, /* *(fp + cfa_offset) + cfa_addend */
    CFA_PLT       /* sp + 8, and 8 more from byte cfa_offset of each 16 on (x86's lazy PLT) */
};

/* Where a register of the caller is. */
enum cfi_saved {
    SAVED_UNKNOWN = 1, /* undefined, or by a form that nobody uses */
    SAVED_SAME,        /* in the register itself */
    SAVED_AT_CFA,      /* at CFA + offset */
    SAVED_AT_SP,       /* at sp + offset */
    SAVED_AT_FP,       /* at fp + offset */
    SAVED_IN_REGISTER  /* in the register of DWARF number `offset`: an interrupted frame only */
};

struct cfi_rule {
    uint8_t cfa;        /* enum cfi_cfa */
    uint8_t fp, ra;     /* enum cfi_saved */
    uint8_t base;       /* enum cfi_saved */
    uint8_t is_plain;   /* CFA_SP or CFA_FP, ra SAVED_AT_CFA, fp and base the same or SAVED_SAME */
    uint8_t is_record;  /* fp and ra lie side by side: if this frame keeps fp, fp points at them */
    uint8_t cfa_addend; /* of the DEREF forms */
    uint8_t cfa_register;
    int32_t cfa_offset, fp_offset, ra_offset, base_offset;
};

/* Rows of one object, by 64 KiB page of its text. */
struct cfi_table {
    const uint32_t *pages; /* pages[i] is page i's first row, pages[page_count] how many rows */
    const struct cfi_row *rows;
    uint32_t page_count;
    uint32_t row_count;
    size_t bytes; /* of its mapping */
};

struct cfi_row {
    uint16_t low;  /* of the offset from text_start; the first row of a page has 0 */
    uint16_t rule; /* holds from here to the next row */
};

/* Memory that compiling may read. */
struct cfi_span {
    uintptr_t start, end;
};

struct cfi_image {
    struct cfi_span header; /* .eh_frame_hdr */
    struct cfi_span text;
    const struct cfi_span *readable; /* the loaded segments; .eh_frame lies in one of them */
    size_t readable_count;
};

/*
 * Compiles an object's .eh_frame. 0, -ENOENT without a usable .eh_frame_hdr, -ENOMEM. What is
 * malformed or beyond the forms above becomes CFI_NONE rows. Under object.c's lock.
 */
int cfi_compile(const struct cfi_image *image, struct cfi_table *table);
void cfi_release(struct cfi_table *table);

/* The rule's number for the offset from text_start. Async-signal-safe. */
unsigned cfi_find(const struct cfi_table *table, uintptr_t offset);

/* Rules met so far, the named ones included. */
unsigned cfi_rule_count(void);

enum { CFI_RULES_MAX = 16384 };
extern struct cfi_rule rung_cfi_rules[CFI_RULES_MAX];

static always_inline const struct cfi_rule *cfi_rule(unsigned number)
{
    return &rung_cfi_rules[number];
}

#endif
