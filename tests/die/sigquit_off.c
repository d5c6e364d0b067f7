/* SPDX-License-Identifier: MIT */
/*
 * With RUNG_SIGQUIT=0 the signal has its default action.
 *
 * expect-signal: SIGQUIT
 * test-environment: RUNG_SIGQUIT=0
 */
#include <rung.h>
#include <signal.h>
#include <unistd.h>

static int app(void *arg)
{
    (void)arg;
    kill(getpid(), SIGQUIT);
    return rung_sleep(RUNG_SECONDS(1000));
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
