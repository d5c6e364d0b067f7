/* SPDX-License-Identifier: MIT */
/*
 * A panic in one goroutine shows the others too, parked and running ones.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: all hands
 * expect-stderr: panics_here
 * expect-stderr: sleeps_there
 * expect-stderr: computes_elsewhere
 * expect-stderr: goroutine 1\b
 */
#include "run/common.h"

static atomic_bool computes;

static int sleeps_there(void *arg)
{
    (void)arg;
    return rung_sleep(RUNG_FOREVER);
}

static int computes_elsewhere(void *arg)
{
    volatile unsigned sink = 0;
    computes = true;
    while (arg == 0)
        sink++;
    return 0;
}

static int panics_here(void *arg)
{
    (void)arg;
    wait_parked("sleep", 2); /* goroutine 1, too */
    while (!computes)
        rung_yield();
    rung_panic("all hands");
}

static int app(void *arg)
{
    if (rung_go(sleeps_there, arg) != 0 || rung_go(computes_elsewhere, arg) != 0 ||
        rung_go(panics_here, arg) != 0)
        return 1;
    return rung_sleep(RUNG_FOREVER);
}

int main(void)
{
    if (IS_TSAN)
        SKIP("the thread sanitizer holds signals back from what computes");
    return rung_run(app, 0) != 0;
}
