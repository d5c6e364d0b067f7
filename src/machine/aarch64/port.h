/* SPDX-License-Identifier: MIT */
/* port.h for arm64: the inline half of arch.h's port contract. */
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
_Static_assert(offsetof(struct machine_link, sp) == LINK_SP, "switch.S");

/* The current thread's m, NULL on a thread that rung has not met. Read anew each time. */
static always_inline void *machine_m(void)
{
    void *m;
    uintptr_t offset;
    __asm__ volatile("adrp %1, :gottprel:rung_m\n\t"
                     "ldr %1, [%1, :gottprel_lo12:rung_m]\n\t"
                     "mrs %0, tpidr_el0\n\t"
                     "ldr %0, [%0, %1]"
                     : "=&r"(m), "=&r"(offset));
    return m;
}

static always_inline void machine_m_set(void *m)
{
    uintptr_t base, offset;
    __asm__ volatile("adrp %1, :gottprel:rung_m\n\t"
                     "ldr %1, [%1, :gottprel_lo12:rung_m]\n\t"
                     "mrs %0, tpidr_el0\n\t"
                     "str %2, [%0, %1]"
                     : "=&r"(base), "=&r"(offset)
                     : "r"(m)
                     : "memory");
}

static always_inline void *machine_mcall(mcall_function *fn)
{
    rung_mcall(fn);
    return machine_m();
}

/* Leaves `from`, which runs on m, for `to`, or NULL: see arch.h. */
static always_inline void *machine_switch(struct machine_m *m, struct machine_g *from, struct machine_g *to)
{
    rung_switch(m, from, to);
    return machine_m();
}

/* One instruction, so that no walk meets half a root. */
static always_inline void machine_link_cut(struct machine_m *m)
{
    if (MUTANT(LINK_NEVER_CUT))
        return;
    uintptr_t root;
    __asm__ volatile("adrp %1, rung_link_end\n\tadd %1, %1, :lo12:rung_link_end\n\tstp xzr, %1, %0"
                     : "=Ump"(m->link->record), "=&r"(root));
}

static always_inline uintptr_t machine_sp(void)
{
    uintptr_t sp;
    __asm__ volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

/* The CPU's ticks, read where it suits the CPU: some instructions earlier or later. */
static always_inline uint64_t machine_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}

/* ---- floating-point control ---- */

static always_inline void machine_fp_save(struct fp_control *fp)
{
    __asm__ volatile("mrs %0, fpcr" : "=r"(fp->fpcr));
}

static always_inline bool machine_fp_differs(const struct fp_control *a, const struct fp_control *b)
{
    return a->fpcr != b->fpcr;
}

static inline bool machine_is_supported(void)
{
    return true;
}

/* ---- a signal's context ---- */

#define MACHINE_CONTEXT_PC(uc) ((uintptr_t)(uc)->uc_mcontext.pc)
#define MACHINE_CONTEXT_SP(uc) ((uintptr_t)(uc)->uc_mcontext.sp)
#define MACHINE_CONTEXT_BP(uc) ((uintptr_t)(uc)->uc_mcontext.regs[29])
#define MACHINE_CONTEXT_LR(uc) ((uintptr_t)(uc)->uc_mcontext.regs[30])

#endif
