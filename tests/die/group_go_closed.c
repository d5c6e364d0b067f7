/* SPDX-License-Identifier: MIT */
/*
 * Starting a goroutine in a group that was waited for panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*group that is not open
 * expect-stderr: misuses_it
 */
#include <rung.h>

static int nothing(void *arg)
{
    return arg != 0;
}

static int misuses_it(void *arg)
{
    static rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    if (rung_group_go(&group, nothing, arg) != 0 || rung_group_wait(&group) != 0)
        return 1;
    (void)rung_group_go(&group, nothing, arg);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
