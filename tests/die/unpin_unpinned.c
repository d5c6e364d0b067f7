/* SPDX-License-Identifier: MIT */
/*
 * Unpinning more often than pinning panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: rung_unpin without rung_pin
 * expect-stderr: misuses_it
 */
#include <rung.h>

static int misuses_it(void *arg)
{
    rung_pin();
    rung_pin();
    rung_unpin();
    rung_unpin();
    rung_unpin();
    return arg != 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
