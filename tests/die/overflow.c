/* SPDX-License-Identifier: MIT */
/*
 * A stack overflow is reported by name: the goroutine, its number, its stack size and its functions.
 *
 * expect-signal: SIGSEGV
 * test-environment: ASAN_OPTIONS=handle_segv=0
 * test-environment: TSAN_OPTIONS=handle_segv=0
 * expect-stderr: stack overflow
 * expect-stderr: goroutine [0-9]+
 * expect-stderr: recurses_for_ever
 * expect-stderr: deep one
 */
#include <rung.h>

static int recurses_for_ever(volatile int *depth)
{
    volatile int here = *depth + 1;
    return here < 0 ? 0 : recurses_for_ever(&here) + *depth;
}

static int overflowing_goroutine(void *arg)
{
    volatile int depth = 0;
    (void)arg;
    return recurses_for_ever(&depth);
}

static int app(void *arg)
{
    rung_go_options options = {.name = "deep one"};
    if (rung_go_with(&options, overflowing_goroutine, arg) != 0)
        return 1;
    return rung_sleep(RUNG_SECONDS(1000));
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
