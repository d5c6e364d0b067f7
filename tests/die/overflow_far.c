/* SPDX-License-Identifier: MIT */
/*
 * A frame that is larger than the guard below the stack, and faults far beyond, is a stack overflow, too.
 *
 * expect-signal: SIGSEGV
 * test-environment: ASAN_OPTIONS=handle_segv=0
 * test-environment: TSAN_OPTIONS=handle_segv=0
 * expect-stderr: stack overflow: goroutine [0-9]+ "far one" has used up its stack of 256 KiB
 * expect-stderr: has_a_huge_frame
 */
#include <rung.h>

static int has_a_huge_frame(void *arg)
{
    volatile char frame[8 << 20];
    __asm__ volatile("" : : "r"(frame)); /* or clang keeps one byte of it */
    frame[0] = (char)(arg != 0); /* the far end first */
    return frame[0];
}

static int app(void *arg)
{
    rung_go_options options = {.name = "far one"};
    if (rung_go_with(&options, has_a_huge_frame, arg) != 0)
        return 1;
    return rung_sleep(RUNG_SECONDS(1000));
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
