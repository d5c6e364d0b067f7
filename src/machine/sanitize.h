/* SPDX-License-Identifier: MIT */
/*
 * sanitize.h: tells sanitizers and Valgrind of stacks, and of switches between them. Nothing in other builds.
 *
 *   AddressSanitizer   must know which stack is the thread's own now. g->fiber and m->fiber hold the fake stack of
 *                      a goroutine and of a g0 while they do not run.
 *   ThreadSanitizer    has a fiber for each goroutine and each g0: g->fiber, m->fiber. A fiber is made when its stack
 *                      first runs, and kept with it. A switch orders the one side before the other, so goroutines
 *                      that take turns on one thread never race; on two threads they do.
 *   Valgrind           must know where stacks are, or shows no frames there.
 *
 * A switch, in the places of park.h and g.c:
 *
 *   goroutine:  end_g if for good; leave_g, mcall, or machine_switch     enter_g, where it goes on; begin_g, at its start
 *   g0:         on_g0, the first thing
 *
 * ThreadSanitizer counts calls and returns on a stack of its own for each fiber. What runs on g0 returns before the
 * goroutine enters; rung_goroutine_main, which is called on the one and ends on the other, is moved over by begin_g.
 */
#ifndef RUNG_SANITIZE_H
#define RUNG_SANITIZE_H

#include "base/base.h"

#if defined(RUNG_SANITIZE_ADDRESS) || defined(RUNG_SANITIZE_THREAD)

/* Leaves a goroutine's stack for g0's, at [low, high): `own` and `next` are the fibers of the two. */
void sanitize_leave(void **own, void **next, uintptr_t low, uintptr_t high);
/* The goroutine departs for good. */
void sanitize_end(void **own);
void sanitize_on_g0(void **own);
/* On a goroutine's stack, at [low, high), after another, whose fiber is `last`; and the same for a new one. */
void sanitize_enter(void **last, void **own, uintptr_t low, uintptr_t high);
void sanitize_begin(void **last, void **own, uintptr_t low, uintptr_t high);
void sanitize_name(void **own, uint64_t id, const char *name);

#define sanitize_leave_g(m) sanitize_leave(&m_g(m)->fiber, &(m)->fiber, (m)->g0.low, (m)->g0.high)
#define sanitize_end_g(m)   sanitize_end(&m_g(m)->fiber)
/* `departed`: the goroutine whose stack was left for this one; NULL: it was g0's. */
#define sanitize_last(m, departed) ((departed) != NULL ? &(departed)->fiber : &(m)->fiber)
#define sanitize_enter_g(m, departed)                                                              \
    sanitize_enter(sanitize_last(m, departed), &m_g(m)->fiber, m_g(m)->stack_low, m_g(m)->stack_high)
#define sanitize_begin_g(m, departed, g)                                                           \
    (sanitize_begin(sanitize_last(m, departed), &(g)->fiber, (g)->stack_low, (g)->stack_high),     \
     sanitize_name(&(g)->fiber, (g)->id, (g)->name))

#else

#define sanitize_leave_g(m) ((void)(m))
#define sanitize_end_g(m) ((void)(m))
#define sanitize_on_g0(own) ((void)(own))
#define sanitize_enter_g(m, departed) ((void)0)
#define sanitize_begin_g(m, departed, g) ((void)(g))

#endif

#if defined(RUNG_SANITIZE_ADDRESS)
/* LeakSanitizer looks for leaks at exit, and at no stack that is not a thread's own: `show` tells it of more. */
void sanitize_at_exit(void (*show)(void));
void sanitize_root(uintptr_t low, uintptr_t high);
#else
#define sanitize_at_exit(show) ((void)(show))
#define sanitize_root(low, high) ((void)(low), (void)(high))
#endif

#if defined(RUNG_VALGRIND)
/* All stacks lie here, for ever. */
void sanitize_stacks(uintptr_t low, uintptr_t high);
#else
#define sanitize_stacks(low, high) ((void)(low), (void)(high))
#endif

#if defined(RUNG_VALGRIND) || defined(RUNG_SANITIZE_ADDRESS)
/* The goroutine on the stack that ends at `high` has ended at `sp`, and another may come. On another stack. */
void sanitize_recycle(uintptr_t sp, uintptr_t high);
#else
#define sanitize_recycle(sp, high) ((void)(sp), (void)(high))
#endif

#endif
