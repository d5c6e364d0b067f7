/* SPDX-License-Identifier: MIT */
/* A goroutine's stack used up: first rung's report, by the goroutine's number, then the sanitizer's own.
 * test-presets: asan
 * expect-status: 1
 * expect-stderr: rung: stack overflow: goroutine 2 .*has used up its stack
 * expect-stderr: AddressSanitizer: (stack-overflow|SEGV)
 * expect-stderr: #[0-9]+ .* in descend
 */
#include "planted.h"

__attribute__((__noinline__))
static int descend(volatile int depth)
{
    volatile char block[1024];
    block[depth % 1024] = 1;
    return depth < 0 ? 0 : descend(depth + 1) + block[0];
}

static int culprit(void *arg)
{
    (void)arg;
    planted_switches();
    return descend(0);
}

PLANTED_MAIN(culprit)
