/* SPDX-License-Identifier: MIT */
/* A signed sum that overflows, in a goroutine: told.
 * test-presets: ubsan
 * expect-status: 1
 * expect-stderr: ubsan_overflow.c:.* runtime error: signed integer overflow
 */
#include "planted.h"

static int culprit(void *arg)
{
    (void)arg;
    volatile int most = INT32_MAX;
    planted_switches();
    most = most + 1;
    return 0;
}

PLANTED_MAIN(culprit)
