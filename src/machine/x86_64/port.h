/* SPDX-License-Identifier: MIT */
/* port.h for x86-64: the inline half of arch.h's port contract. */
#ifndef RUNG_PORT_H
#define RUNG_PORT_H

_Static_assert(offsetof(struct machine_g, sched.sp) == G_SP, "switch.S");
_Static_assert(offsetof(struct machine_g, sched.pc) == G_PC, "switch.S");
_Static_assert(offsetof(struct machine_g, sched.bp) == G_BP, "switch.S");
_Static_assert(offsetof(struct machine_g, sched.saved) == G_SAVED, "switch.S");
_Static_assert(offsetof(struct machine_g, fp) == G_FP, "switch.S");
_Static_assert(offsetof(struct machine_m, g) == M_G, "switch.S");
_Static_assert(offsetof(struct machine_m, link) == M_LINK, "switch.S");
_Static_assert(offsetof(struct machine_m, fp) == M_FP, "switch.S");
_Static_assert(offsetof(struct machine_m, x87_now) == M_X87_NOW, "switch.S");
_Static_assert(offsetof(struct machine_m, witness) == M_WITNESS, "switch.S");
_Static_assert(offsetof(struct machine_link, sp) == LINK_SP, "switch.S");

/* The current thread's m, NULL on a thread that rung has not met. Read anew each time. */
static always_inline void *machine_m(void)
{
    void *m;
    __asm__ volatile("movq rung_m@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(m));
    return m;
}

static always_inline void machine_m_set(void *m)
{
    uintptr_t offset;
    __asm__ volatile("movq rung_m@gottpoff(%%rip), %0\n\tmovq %1, %%fs:(%0)"
                     : "=&r"(offset)
                     : "r"(m)
                     : "memory");
}

#if defined(__AVX512F__)
#define MACHINE_CLOBBERS_AVX512                                                                    \
    "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",      \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5",  \
        "k6", "k7",
#else
#define MACHINE_CLOBBERS_AVX512
#endif

/*
 * Calls mcall by push and jump. It does not return the way it was called, and a call that is never returned from
 * leaves an entry in the CPU's return predictor, so that each later return of the goroutine that goes on instead
 * would be mispredicted. (Built with -mno-red-zone: the push may be a leaf's only use of its stack.)
 */
#define MACHINE_CLOBBERS                                                                           \
    "r8", "r9", "r10", "r11", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", \
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",   \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", MACHINE_CLOBBERS_AVX512 "memory", "cc"

static always_inline void *machine_mcall(mcall_function *fn)
{
    void *m;
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "jmp rung_mcall\n"
                     "1:"
                     : "+D"(fn), "=S"(m)
                     :
                     : "rax", "rcx", "rdx", MACHINE_CLOBBERS);
    return m;
}

/* Leaves `from`, which runs on m, for `to`, or NULL: see arch.h. */
static always_inline void *machine_switch(struct machine_m *m, struct machine_g *from, struct machine_g *to)
{
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "jmp rung_switch\n"
                     "1:"
                     : "+S"(m), "+d"(from), "+D"(to)
                     :
                     : "rax", "rcx", MACHINE_CLOBBERS);
    return m;
}

/* One instruction, so that no walk meets half a root. */
static always_inline void machine_link_cut(struct machine_m *m)
{
    if (MUTANT(LINK_NEVER_CUT))
        return;
    __asm__ volatile("movaps rung_link_end(%%rip), %%xmm0\n\tmovaps %%xmm0, %0" : "=m"(m->link->record) : : "xmm0");
}

static always_inline uintptr_t machine_sp(void)
{
    uintptr_t sp;
    __asm__ volatile("movq %%rsp, %0" : "=r"(sp));
    return sp;
}

/* The CPU's ticks, read where it suits the CPU: some instructions earlier or later. */
static always_inline uint64_t machine_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

/* ---- floating-point control ---- */

enum { MXCSR_FLAGS = 0x3f };

static always_inline void machine_fp_save(struct fp_control *fp)
{
    *fp = (struct fp_control){ 0 };
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(fp->mxcsr), "=m"(fp->x87));
}

static always_inline bool machine_fp_differs(const struct fp_control *a, const struct fp_control *b)
{
    uint64_t x, y;
    __builtin_memcpy(&x, a, sizeof x);
    __builtin_memcpy(&y, b, sizeof y);
    return ((x ^ y) & ~(uint64_t)MXCSR_FLAGS) != 0;
}

/* switch.S uses roundps: every x86-64 since 2008. */
static inline bool machine_is_supported(void)
{
    return __builtin_cpu_supports("sse4.1");
}

/* ---- a signal's context ---- */

#define MACHINE_CONTEXT_PC(uc) ((uintptr_t)(uc)->uc_mcontext.gregs[REG_RIP])
#define MACHINE_CONTEXT_SP(uc) ((uintptr_t)(uc)->uc_mcontext.gregs[REG_RSP])
#define MACHINE_CONTEXT_BP(uc) ((uintptr_t)(uc)->uc_mcontext.gregs[REG_RBP])

#endif
