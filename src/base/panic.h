/* SPDX-License-Identifier: MIT */
/*
 * panic.h: ending the process with a sentence and the stacks.
 *
 *   panic        the program misused rung: always on
 *   check        an invariant of rung itself: always on, and cheap where it stands
 *   assert       the same in debug builds; assert_slow walks whole structures
 *
 * One upward call exists in librung, and it is here: the hook that prints stacks, set by sched/dump.c.
 * All of this is async-signal-safe.
 */
#ifndef RUNG_PANIC_H
#define RUNG_PANIC_H

#include "base/base.h"

/* Prints "rung: panic: sentence", the caller's stack, all goroutines, and aborts. */
noreturn cold void panic(const char *format, ...) printf_like(1, 2);

/* Prints the same for a process that cannot go on, and exits with the status (deadlock: 2). */
noreturn cold void fatal(int status, const char *format, ...) printf_like(2, 3);

/* Writes one line to stderr: "rung: sentence". */
cold void warn(const char *format, ...) printf_like(1, 2);

/*
 * Called by panic and fatal to print the stacks to fd; or, fd being -1, by a thread that is to wait for the end that another has
 * begun. NULL before the runtime has started.
 */
extern void (*rung_panic_hook)(int fd);

#define check(condition)                                                                           \
    do {                                                                                           \
        if (unlikely(!(condition)))                                                                \
            panic("internal error: %s (%s:%d)", #condition, __FILE__, __LINE__);                   \
    } while (0)

#ifdef RUNG_ASSERT
#define assert(condition)      check(condition)
#define assert_slow(condition) check(condition)
#else
#define assert(condition)      ((void)sizeof(!(condition)))
#define assert_slow(condition) ((void)sizeof(!(condition)))
#endif

#endif
