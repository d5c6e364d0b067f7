/* SPDX-License-Identifier: MIT */
/*
 * The smallest stack has a guard too, also with neighbours on both sides, and a 32 KiB frame does not jump over it.
 *
 * expect-signal: SIGSEGV
 * test-environment: ASAN_OPTIONS=handle_segv=0
 * test-environment: TSAN_OPTIONS=handle_segv=0
 * expect-stderr: stack overflow
 * expect-stderr: small one
 * expect-stderr: has_a_large_frame
 */
#include <rung.h>
#include <string.h>

static int has_a_large_frame(void *arg)
{
    volatile char frame[32 << 10];
    __asm__ volatile("" : : "r"(frame)); /* or clang keeps one byte of it */
    frame[0] = (char)(arg != 0); /* the far end first */
    return frame[0];
}

static int neighbour(void *arg)
{
    (void)arg;
    return rung_sleep(RUNG_SECONDS(1000));
}

static int app(void *arg)
{
    rung_go_options options = {.stack_size = 16 << 10};
    for (int i = 0; i < 41; i++) {
        options.name = i == 20 ? "small one" : 0;
        if (rung_go_with(&options, i == 20 ? has_a_large_frame : neighbour, arg) != 0)
            return 1;
    }
    return rung_sleep(RUNG_SECONDS(1000));
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
