/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a group that another goroutine opened panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*another goroutine
 * expect-stderr: misuses_it
 */
#include <rung.h>

static rung_group group;

static int misuses_it(void *arg)
{
    (void)rung_group_wait(&group);
    return arg != 0;
}

static int opens(void *arg)
{
    rung_group_open(&group, RUNG_FOREVER);
    return rung_go(misuses_it, arg) != 0 || rung_sleep(RUNG_SECONDS(1000)) != 0;
}

int main(void)
{
    return rung_run(opens, 0) != 0;
}
