/* SPDX-License-Identifier: MIT */
/*
 * A deadlock is seen also after timers, sleeps and scopes with deadlines have come and gone, in a second run.
 *
 * test-presets: release debug asan ubsan clang lto lto-clang
 * expect-status: 2
 * expect-stdout: ^before the deadlock$
 * expect-stderr: ^rung: fatal: all goroutines are asleep - deadlock!
 * expect-stderr: waits_at_last
 */
#include <rung.h>
#include <stdio.h>

static int fine(void *arg)
{
    (void)arg;
    return rung_sleep(RUNG_MILLISECONDS(1));
}

static int waits_at_last(void *arg)
{
    rung_timer *timer;
    rung_scope scope;
    (void)arg;
    if (rung_timer_open(&timer, RUNG_SECONDS(1000), 0) != 0)
        return 1;
    rung_timer_close(timer);
    rung_scope_open(&scope, RUNG_SECONDS(1000));
    if (rung_sleep(RUNG_MILLISECONDS(1)) != 0 || rung_scope_close(&scope) != 0)
        return 1;
    printf("before the deadlock\n");
    fflush(stdout);
    return rung_sleep(RUNG_FOREVER);
}

int main(void)
{
    return rung_run(fine, 0) != 0 || rung_run(waits_at_last, 0) != 0;
}
