/* SPDX-License-Identifier: MIT */
/*
 * A wait group whose count goes below zero panics.
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
    rung_waitgroup_add(&waitgroup, 1);
    rung_waitgroup_done(&waitgroup);
    rung_waitgroup_done(&waitgroup);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
