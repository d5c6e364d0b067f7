/* SPDX-License-Identifier: MIT */
/*
 * Adding a negative number below zero to a wait group panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*wait ?group
 * expect-stderr: misuses_it
 */
#include <rung.h>

static rung_waitgroup waitgroup;

static int misuses_it(void *arg)
{
    (void)arg;
    rung_waitgroup_add(&waitgroup, 3);
    rung_waitgroup_add(&waitgroup, -4);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
