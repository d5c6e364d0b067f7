/* SPDX-License-Identifier: MIT */
/*
 * Also goroutine 1 can overflow its stack, and is named: it does not run on the main thread's stack.
 *
 * expect-signal: SIGSEGV
 * test-environment: ASAN_OPTIONS=handle_segv=0
 * test-environment: TSAN_OPTIONS=handle_segv=0
 * expect-stderr: stack overflow
 * expect-stderr: goroutine 1\b
 * expect-stderr: recurses_for_ever
 */
#include <rung.h>

static int recurses_for_ever(volatile int *depth)
{
    volatile int here = *depth + 1;
    return here < 0 ? 0 : recurses_for_ever(&here) + *depth;
}

static int app(void *arg)
{
    volatile int depth = 0;
    (void)arg;
    return recurses_for_ever(&depth);
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
