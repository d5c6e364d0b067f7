/* SPDX-License-Identifier: MIT */
/*
 * A fault that is no overflow dies by SIGSEGV as without rung.
 *
 * test-presets: release debug clang lto lto-clang arm64
 * expect-signal: SIGSEGV
 * test-environment: ASAN_OPTIONS=handle_segv=0
 */
#include <rung.h>

static int faults(void *arg)
{
    *(volatile int *)arg = 1;
    return 0;
}

int main(void)
{
    return rung_run(faults, 0) != 0;
}
