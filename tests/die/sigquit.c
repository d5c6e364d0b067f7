/* SPDX-License-Identifier: MIT */
/*
 * SIGQUIT prints every goroutine and ends the process with status 2, as in Go, also while all compute.
 *
 * expect-status: 2
 * expect-stderr: goroutine 1\b
 * expect-stderr: sleeping_goroutine
 * expect-stderr: \[sleep
 * expect-stderr: computing_goroutine
 */
#include "run/common.h"

#include <signal.h>

static atomic_int computing;

static int sleeping_goroutine(void *arg)
{
    (void)arg;
    return rung_sleep(RUNG_FOREVER);
}

static int computing_goroutine(void *arg)
{
    volatile unsigned sink = 0;
    atomic_fetch_add(&computing, 1);
    while (arg == 0)
        sink++;
    return 0;
}

static int app(void *arg)
{
    if (rung_go(sleeping_goroutine, arg) != 0 || rung_go(computing_goroutine, arg) != 0 ||
        rung_go(computing_goroutine, arg) != 0)
        return 1;
    wait_parked("sleep", 1);
    while (computing < 2)
        rung_yield();
    kill(getpid(), SIGQUIT);
    return rung_sleep(RUNG_SECONDS(1000));
}

int main(void)
{
    if (IS_TSAN)
        SKIP("the thread sanitizer holds signals back from what computes");
    return rung_run(app, 0) != 0;
}
