/* SPDX-License-Identifier: MIT */
/*
 * rung_debug.h: to see what goroutines do.
 *
 * Nothing here stops the program, allocates from malloc or takes a lock that a stuck thread could
 * hold. Stacks are read while their goroutines run elsewhere; one that moves under the reader's
 * eyes is asked again, and then shown as "running" with the stack that its own thread reported.
 */
#ifndef RUNG_DEBUG_H
#define RUNG_DEBUG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Writes every goroutine to the descriptor: number, name, state, what it waits for, since when,
 * where it was created, its stack as function+offset; goroutines with equal stacks together.
 * 0, or -errno of write(2). Any thread, also from a signal handler.
 */
int rung_dump(int fd);

/*
 * The stack of the caller, leaf first, through g0 and system calls to the root: at most `capacity`
 * return addresses, and at most 128. Gives back how many. Async-signal-safe. Any thread.
 */
size_t rung_backtrace(uintptr_t *pcs, size_t capacity);

/* The same from a signal handler's third argument: the interrupted code's stack, its exact leaf first. */
size_t rung_backtrace_context(const void *ucontext, uintptr_t *pcs, size_t capacity);

/* Function name and offset of a pc, "name+0x1c", else "[object+0x1234]". Async-signal-safe. Gives back its length. */
size_t rung_symbol(uintptr_t pc, char *text, size_t capacity);

/* Counters of the runtime, for tests and metrics. All are hints. */
typedef struct rung_statistics {
    uint32_t processors;
    uint32_t threads;          /* of rung's own, parked ones included */
    uint64_t goroutines;       /* alive */
    uint64_t created;
    uint64_t switches;
    uint64_t steals;
    uint64_t hand_overs;       /* processors taken from a goroutine that hogged or slept */
    uint64_t stack_bytes;      /* address space committed to stacks */
    const char *guard;         /* "marker" (MADV_GUARD_INSTALL) or "mprotect" */
    int membarrier;            /* 1 if the hand-shake is free, 0 if fences do it */
} rung_statistics;

void rung_statistics_read(rung_statistics *statistics);

#ifdef __cplusplus
}
#endif
#endif
