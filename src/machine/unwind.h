/* SPDX-License-Identifier: MIT */
/*
 * unwind.h: a stack, from a pc to the root, within the bounds of stacks that are known.
 *
 * Async-signal-safe, without locks or memory of its own, and never faulting: registers and stacks
 * may hold anything, as long as the ranges can be read. What it knows of code comes from the last
 * object_refresh.
 *
 * The first pc given is the start's own; the others are return addresses: look up pc - 1 to name
 * the call. A frame interrupted by a signal, found in the middle of a walk, is given as its pc +
 * 1, so that the same holds for it.
 */
#ifndef RUNG_UNWIND_H
#define RUNG_UNWIND_H

#include "base/base.h"

enum { UNWIND_DEPTH_MAX = 128 };

/*
 * A readable stack, [lo, hi), both multiples of 8. A walk gets them lowest first: signal stack,
 * g0, goroutine.
 */
struct stack_range {
    uintptr_t lo, hi;
};

struct unwind_start {
    uintptr_t pc;
    uintptr_t sp;   /* 0: not known; enough is then fp, in code that keeps frame records */
    uintptr_t fp;
    uintptr_t lr;   /* arm64, where is_exact_pc */
    uintptr_t base; /* x86-64: rbx, or 0: not known. Only some of ld.so needs it. */
    bool is_exact_pc;    /* pc is an interrupted instruction; else a return address */
    const void *context; /* the ucontext with all other registers, or NULL; where is_exact_pc */
};

/* The stack from `start`, leaf first, at most UNWIND_DEPTH_MAX pcs. Gives back how many. */
size_t unwind(const struct unwind_start *start, const struct stack_range *ranges,
              size_t range_count, uintptr_t *pcs, size_t capacity);

/*
 * The stack that a signal interrupted, from the handler's third argument; pcs[0] is the exact
 * instruction.
 */
size_t unwind_from_context(const void *ucontext, const struct stack_range *ranges,
                           size_t range_count, uintptr_t *pcs, size_t capacity);

/* The stack of the caller; pcs[0] is the return address in it. */
size_t unwind_here(const struct stack_range *ranges, size_t range_count, uintptr_t *pcs,
                   size_t capacity);

/* The calling thread's own stack, as pthread made it. 0 or -errno. Not async-signal-safe. */
int unwind_thread_range(struct stack_range *range);

#endif
