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
#include <rung.h>
#include <signal.h>
#include <unistd.h>

static int sleeping_goroutine(void *arg)
{
    (void)arg;
    return rung_sleep(RUNG_FOREVER);
}

static int computing_goroutine(void *arg)
{
    volatile unsigned sink = 0;
    while (arg == 0)
        sink++;
    return 0;
}

static int app(void *arg)
{
    if (rung_go(sleeping_goroutine, arg) != 0 || rung_go(computing_goroutine, arg) != 0 ||
        rung_go(computing_goroutine, arg) != 0)
        return 1;
    if (rung_sleep(RUNG_MILLISECONDS(50)) != 0)
        return 1;
    kill(getpid(), SIGQUIT);
    return rung_sleep(RUNG_SECONDS(20));
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
