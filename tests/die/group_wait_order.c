/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a group while a scope opened within it is still open panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*(scope|group)
 * expect-stderr: misuses_it
 */
#include <rung.h>

static rung_group group;
static rung_scope inner;

static int misuses_it(void *arg)
{
    (void)arg;
    rung_group_open(&group, RUNG_FOREVER);
    rung_scope_open(&inner, RUNG_FOREVER);
    (void)rung_group_wait(&group);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
