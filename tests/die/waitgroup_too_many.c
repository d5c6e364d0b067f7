/* SPDX-License-Identifier: MIT */
/*
 * A wait group whose count reaches 2^30 panics, before it could wrap.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: waitgroup count above
 * expect-stderr: misuses_it
 */
#include <rung.h>

static rung_waitgroup waitgroup;

static int misuses_it(void *arg)
{
    rung_waitgroup_add(&waitgroup, (1 << 30) - 1);
    rung_waitgroup_add(&waitgroup, 1);
    return arg != 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
