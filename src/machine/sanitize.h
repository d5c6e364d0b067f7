/* SPDX-License-Identifier: MIT */
/*
 * sanitize.h: tells sanitizers and Valgrind of stacks, and of switches between them. Nothing in other builds.
 *
 *   AddressSanitizer   must know which stack is the thread's own now. g->fiber and m->fiber hold the fake stack of
 *                      a goroutine and of a g0 while they do not run.
 *   ThreadSanitizer    has a fiber for each goroutine and each g0: g->fiber, m->fiber. A fiber is made when its stack
 *                      first runs, and kept with it. A switch orders the one side before the other, so goroutines
 *                      that take turns on one thread never race; on two threads they do.
 *   Valgrind           must know each stack, or takes a switch for a huge frame.
 *
 * A switch, in the places of park.h, find.h and g.c:
 *
 *   goroutine:  leave_g or end_g, mcall            enter_g, after mcall returned; begin_g, at its start
 *   g0:         on_g0, the first thing             enter_stack, the last thing before gogo
 *
 * ThreadSanitizer counts calls and returns on a stack of its own, so functions of g0 that never return would
 * pile up there: on_g0 and never_returns take the one back that calls it. Such a function must be noinline.
 */
#ifndef RUNG_SANITIZE_H
#define RUNG_SANITIZE_H

#include "base/base.h"

#if defined(RUNG_SANITIZE_ADDRESS) || defined(RUNG_SANITIZE_THREAD)

/* Leaves a stack for the one at [low, high): `own` and `next` are the fibers of the two. */
void sanitize_leave(void **own, void **next, uintptr_t low, uintptr_t high);
/* The same, where frames from here up to `top` are left for good; the whole goroutine, for _end. */
void sanitize_leave_frames(uintptr_t top, void **own, void **next, uintptr_t low, uintptr_t high);
void sanitize_leave_end(uintptr_t top, void **own, void **next, uintptr_t low, uintptr_t high);
void sanitize_arrive(void **own);
void sanitize_name(void **own, uint64_t id, const char *name);
void sanitize_never_returns(void);

#define sanitize_leave_g(m) sanitize_leave(&m_g(m)->fiber, &(m)->fiber, (m)->g0.low, (m)->g0.high)
#define sanitize_end_g(m)                                                                          \
    sanitize_leave_end(m_g(m)->stack_high, &m_g(m)->fiber, &(m)->fiber, (m)->g0.low, (m)->g0.high)
#define sanitize_enter_g() sanitize_arrive(&m_g(machine_m())->fiber)
#define sanitize_begin_g(g) (sanitize_arrive(&(g)->fiber), sanitize_name(&(g)->fiber, (g)->id, (g)->name))
#define sanitize_on_g0(m) (sanitize_arrive(&(m)->fiber), sanitize_never_returns())
#define sanitize_enter_stack(m, g)                                                                 \
    sanitize_leave_frames((uintptr_t)(m)->machine.link, &(m)->fiber, &(g)->fiber, (g)->stack_low,  \
                          (g)->stack_high)

#elif defined(RUNG_VALGRIND)

void sanitize_leave_end(uintptr_t low, uintptr_t high);

#define sanitize_leave_g(m) ((void)(m))
#define sanitize_end_g(m) sanitize_leave_end(m_g(m)->stack_low, m_g(m)->stack_high)
#define sanitize_enter_g() ((void)0)
#define sanitize_begin_g(g) ((void)(g))
#define sanitize_on_g0(m) ((void)(m))
#define sanitize_enter_stack(m, g) ((void)(m), (void)(g))
#define sanitize_never_returns() ((void)0)

#else

#define sanitize_leave_g(m) ((void)(m))
#define sanitize_end_g(m) ((void)(m))
#define sanitize_enter_g() ((void)0)
#define sanitize_begin_g(g) ((void)(g))
#define sanitize_on_g0(m) ((void)(m))
#define sanitize_enter_stack(m, g) ((void)(m), (void)(g))
#define sanitize_never_returns() ((void)0)

#endif

#if defined(RUNG_VALGRIND)
/* A stack was made, for ever. */
void sanitize_stack(uintptr_t low, uintptr_t high);
#else
#define sanitize_stack(low, high) ((void)(low), (void)(high))
#endif

#endif
