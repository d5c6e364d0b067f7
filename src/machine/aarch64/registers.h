/* SPDX-License-Identifier: MIT */
/* registers.h for arm64: the inline half of machine/registers.h, which includes this. */
#ifndef RUNG_AARCH64_REGISTERS_H
#define RUNG_AARCH64_REGISTERS_H

enum {
    DWARF_FP = 29,
    DWARF_SP = 31,
    DWARF_PC = 30,    /* the return address's column: lr */
    DWARF_BASE = 256, /* nobody's */
    ENTRY_CFA_OFFSET = 0,
    ENTRY_RA_OFFSET = 0,
    ENTRY_RA_IS_SAVED = 0,      /* a call leaves the return address in lr */
    RECORD_STEP_GIVES_SP = 0,   /* the frame record may lie anywhere in its frame */
    SIGNAL_CONTEXT_OFFSET = 128 /* from sp where a handler returns to, over the siginfo */
};

#define REGISTERS_CONTEXT_BYTES (offsetof(ucontext_t, uc_mcontext.pstate) + 8)
#define REGISTERS_BASE(uc)      ((void)(uc), (uintptr_t)0)
#define REGISTERS_LR(uc)        ((uintptr_t)(uc)->uc_mcontext.regs[30])

static inline bool registers_read(const ucontext_t *context, int number, uintptr_t *value)
{
    if (number < 0 || number > DWARF_SP)
        return false;
    *value = number == DWARF_SP ? (uintptr_t)context->uc_mcontext.sp
                                : (uintptr_t)context->uc_mcontext.regs[number];
    return true;
}

/*
 * 0 or 2 words. None has CFI:
 *     [bti c]    [the first: stp x16, x30, [sp, #-16]!]    adrp x16    ldr x17, [x16, #]    add x16, x16, #    br x17
 */
enum { CODE_BEFORE = 16, CODE_AFTER = 24 };
enum { STUB_STP = 0xa9bf7bf0 };
static inline int stub_place(uint32_t word)
{
    return word == 0xd503245f ? 1 : word == STUB_STP ? 2 : (word & 0x9f00001f) == 0x90000010 ? 3
           : (word & 0xffc003ff) == 0xf9400211 ? 4 : (word & 0xffc003ff) == 0x91000210 ? 5 : word == 0xd61f0220 ? 6 : 0;
}

static inline int registers_stub(const uint8_t *code)
{
    const uint32_t *words = (const uint32_t *)(uintptr_t)code;
    int place = (uintptr_t)code % 4 == 0 ? stub_place(words[0]) : 0, at = place;
    for (int i = 1; at > 0 && at < 6; i++)
        at = stub_place(words[i]) > at ? stub_place(words[i]) : 0;
    if (at == 0)
        return -1;
    for (int i = 1; i <= place - 2; i++)
        if (words[-i] == (uint32_t)STUB_STP)
            return 2;
    return 0;
}

/* mov x8, #139; svc #0: the vdso's has no CFI since Linux 5.8. */
static inline bool registers_is_signal_return(const uint8_t *code)
{
    static const uint32_t wanted[2] = { 0xd2801168, 0xd4000001 };
    const uint8_t *at = code + (4 - (uintptr_t)code % 4) % 4;
    return memcmp(at, wanted, sizeof wanted) == 0 || memcmp(at - 4, wanted, sizeof wanted) == 0;
}

static always_inline bool registers_capture(struct registers *registers)
{
    uintptr_t pc, sp, fp, lr;
    __asm__ volatile("adr %0, .\n\tmov %1, sp\n\tmov %2, x29\n\tmov %3, x30"
                     : "=&r"(pc), "=&r"(sp), "=&r"(fp), "=&r"(lr));
    *registers = (struct registers){ pc, sp, fp, lr, 0 };
    return false;
}

/* Pointer authentication; a no-op on older CPUs. */
static always_inline uintptr_t registers_strip(uintptr_t pc)
{
    register uintptr_t lr __asm__("x30") = pc;
    __asm__("hint #7" : "+r"(lr)); /* xpaclri */
    return lr;
}

#endif
