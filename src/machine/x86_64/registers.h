/* SPDX-License-Identifier: MIT */
/* registers.h for x86-64: the inline half of machine/registers.h, which includes this. */
#ifndef RUNG_X86_64_REGISTERS_H
#define RUNG_X86_64_REGISTERS_H

enum {
    DWARF_FP = 6,
    DWARF_SP = 7,
    DWARF_PC = 16,  /* the return address's column */
    DWARF_BASE = 3, /* rbx: the CFA of the dynamic linker's resolver */
    ENTRY_CFA_OFFSET = 8,
    ENTRY_RA_OFFSET = -8,
    ENTRY_RA_IS_SAVED = 1,    /* a call pushes the return address */
    RECORD_STEP_GIVES_SP = 1, /* the caller's sp is just above the frame record */
    SIGNAL_CONTEXT_OFFSET = 0 /* from sp in the code that a handler returns to, to the ucontext */
};

#define REGISTERS_CONTEXT_BYTES offsetof(ucontext_t, uc_mcontext.fpregs)
#define REGISTERS_BASE(uc)      ((uintptr_t)(uc)->uc_mcontext.gregs[REG_RBX])
#define REGISTERS_LR(uc)        ((uintptr_t)0)

static inline bool registers_read(const ucontext_t *context, int number, uintptr_t *value)
{
    static const uint8_t map[] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                   REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                   REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP };
    if (number < 0 || (size_t)number >= array_length(map))
        return false;
    *value = (uintptr_t)context->uc_mcontext.gregs[map[number]];
    return true;
}

/*
 * 0 to 2 words. lld's have no CFI:
 *     [endbr64] jmp *GOT(%rip)    push $index    jmp first        the first: push GOT(%rip)    jmp *GOT(%rip)
 */
enum { CODE_BEFORE = 8, CODE_AFTER = 12 };
static inline bool stub_jumps(const uint8_t *code) { return code[0] == 0xff && code[1] == 0x25; }
static inline bool stub_pushes(const uint8_t *code) { return code[0] == 0xff && code[1] == 0x35; }

static inline int registers_stub(const uint8_t *code)
{
    if (code[0] == 0xf3 && code[1] == 0x0f && code[2] == 0x1e && code[3] == 0xfa)
        return stub_jumps(code + 4) ? 0 : -1;
    if (stub_jumps(code))
        return stub_pushes(code - 6) ? 2 : 0;
    if (stub_pushes(code))
        return 1;
    if (code[0] == 0x68)
        return stub_jumps(code - 6) ? 0 : -1;
    return code[0] == 0xe9 && code[-5] == 0x68 ? 1 : -1;
}

/* mov $15, %rax; syscall: glibc's has CFI, but not that of each who brings his own. */
static inline bool registers_is_signal_return(const uint8_t *code)
{
    static const uint8_t wanted[9] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 };
    return memcmp(code + 1, wanted, sizeof wanted) == 0 || memcmp(code, wanted, sizeof wanted) == 0 ||
           memcmp(code - 7, wanted, sizeof wanted) == 0;
}

static always_inline bool registers_capture(struct registers *registers)
{
    const uintptr_t *record = __builtin_frame_address(0);
    *registers = (struct registers){ .pc = record[1],
                                     .sp = (uintptr_t)(record + 2),
                                     .fp = record[0] };
    return true;
}

/* x86 has no signatures. */
static always_inline uintptr_t registers_strip(uintptr_t pc)
{
    return pc;
}

#endif
