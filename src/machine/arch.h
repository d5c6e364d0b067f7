/* SPDX-License-Identifier: MIT */
/*
 * arch.h: what a CPU must give, and the contract of the frame chain.
 *
 * A port is two files, <cpu>/switch.S and <cpu>/port.h. The assembly saves and restores what the ABI
 * calls preserved, keeps the frame chain whole at every instruction, and says the same in CFI.
 *
 * A frame record is two words, {caller's frame pointer, return pc}; a goroutine's root record is {0, 0}.
 * Stacks are laid out so that links rise: signal stacks < g0 stacks < goroutine stacks.
 *
 *   goroutine's stack, top                          g0's stack (the thread's own), from mstart down
 *     struct g                                        thread start-up frames
 *     root record {0, 0}   <- bp of goroutine_start   struct machine_link  <- m->link
 *     goroutine_main's frame                            record {bp, pc} of mcall's caller, or cut
 *     user's frames ...                                 sp of mcall's caller
 *     mcall's frame                                   fn's frame (depart_m, schedule_slow, ...)
 *
 * mcall(fn)        saves the caller's {sp, pc, bp}, and what the ABI preserves, in the goroutine; writes
 *                  the caller's record into m->link, makes it g0's frame, and calls fn(g, m) on
 *                  g0's stack, so that a walk from fn goes on to mcall's caller. What fn gives back is the
 *                  goroutine to go on with, by gogo.
 * switch(to)       saves the same, and goes on with `to` as gogo does, from the one stack to the other, past g0. Where
 *                  that goes on it has to settle what the other left for: only then it is published. Without `to`
 *                  it is mcall(depart_m): so who waits at one place has one stack, whichever way it left.
 * machine_link_cut  makes that record {0, pc in g0_root}, in one instruction, before the goroutine is published.
 * gogo             goes on where the goroutine was saved, by an indirect jump: a return would be
 *                  mispredicted each time, since the call it returns from was made elsewhere. The end of mcall and
 *                  of mstart, not a function.
 * systemstack(fn, arg)  calls fn(arg) on g0's stack with an ordinary frame record, and returns.
 * goroutine_start  where a new goroutine begins; goes on as goroutine_main(g), in sched/.
 * g0_root          never runs: the root of what runs on g0 and not for a goroutine, for walks by frame pointers and
 *                  by CFI. (With a pc of 0 the function that returns last would be seen without its root, and gdb
 *                  shows a frame at 0.)
 * mstart(m, fn)    turns the calling thread's stack into m's g0, calls fn(m), and goes on with the goroutine that
 *                  it gives back.
 *
 * Floating-point control (rounding mode, exception masks, flush-to-zero) belongs to the goroutine: mcall and switch leave
 * in m->fp what the CPU holds, and who goes on with a goroutine that had something else loads it.
 *
 * The current m is in a thread-local variable, defined in assembly and read by volatile assembly:
 * a compiler may keep a thread-local's *address* over a call, and the caller of mcall may come back on
 * another thread. Nothing of this is visible to link-time optimisation.
 */
#ifndef RUNG_ARCH_H
#define RUNG_ARCH_H

/* Offsets that assembly uses; port.h asserts them. */
#define G_SP 0
#define G_PC 8
#define G_BP 16
#define G_SAVED 24
#define M_G 0
#define M_LINK 8
#define M_FP 16
#define M_X87_NOW 24
#define M_WITNESS 32
#define LINK_BP 0
#define LINK_PC 8
#define LINK_SP 16

#if defined(__x86_64__)
#define G_FP 64
#elif defined(__aarch64__)
#define G_FP 168
#else
#error "rung runs on x86-64 and arm64"
#endif

#ifndef __ASSEMBLER__

#include "base/base.h"

struct frame_record {
    uintptr_t bp, pc;
};

/* g0's frame while a function called by mcall runs; see the picture above. */
struct machine_link {
    struct frame_record record;
    uintptr_t sp; /* of mcall's caller */
};

/* A goroutine that does not run: its caller's triple, from which a walk goes on. */
struct gobuf {
    uintptr_t sp, pc, bp;
#if defined(__x86_64__)
    uintptr_t saved[5]; /* rbx, r12 to r15 */
#else
    uintptr_t saved[18]; /* x19 to x28, d8 to d15 */
#endif
};

#if defined(__x86_64__)
struct fp_control {
    uint32_t mxcsr; /* the low six bits are sticky flags, not control */
    uint16_t x87;
    uint16_t unused; /* 0, so that all of it compares as one word */
};
#else
struct fp_control {
    uint64_t fpcr;
};
#endif

/* What assembly knows of a g: its first member. */
struct machine_g {
    struct gobuf sched;
    struct fp_control fp; /* what it goes on with; stored by mcall and switch where that may have changed */
};

/* What assembly knows of an m: its first member. */
struct machine_m {
    void *g;                   /* the goroutine that this thread runs, also while on g0 */
    struct machine_link *link; /* set once by mstart */
    struct fp_control fp;      /* what the CPU holds, as of the last mcall, switch or fp_load */
#if defined(__x86_64__)
    uint16_t x87_now;          /* switch.S's */
    uint32_t witness[4] __attribute__((aligned(16))); /* by which mcall knows that fp still holds; see switch.S */
#endif
};

typedef void *mcall_function(void *g, void *m);

void rung_mcall(mcall_function *fn);
void rung_switch(struct machine_m *m, struct machine_g *from, struct machine_g *to);
void rung_systemstack(void (*fn)(void *arg), void *arg);
void rung_goroutine_start(void);
noreturn void rung_mstart(void *m, void *(*fn)(void *m));

/* Loads the CPU's floating-point control from fp, and remembers it in m. */
void rung_fp_load(struct machine_m *m, const struct fp_control *fp);

/* Called by switch, on g0. Defined in sched/park.c. */
void *depart_m(void *g, void *m);

/* Called by goroutine_start. Defined in sched/g.c. */
noreturn void rung_goroutine_main(void *g);

#if defined(__x86_64__)
#include "machine/x86_64/port.h"
#else
#include "machine/aarch64/port.h"
#endif

/* Prepares a goroutine that starts at rung_goroutine_start with its root record just below `top`. */
static always_inline void machine_prepare(struct machine_g *g, uintptr_t top)
{
    struct frame_record *root = (struct frame_record *)(top - sizeof *root);
    root->bp = MUTANT(ROOT_NOT_ZERO) ? top + 64 : 0;
    root->pc = 0;
    g->sched.sp = (uintptr_t)root;
    g->sched.pc = (uintptr_t)rung_goroutine_start;
    g->sched.bp = (uintptr_t)root;
    g->sched.saved[0] = (uintptr_t)g; /* goroutine_start finds its argument here */
}

#endif
#endif
