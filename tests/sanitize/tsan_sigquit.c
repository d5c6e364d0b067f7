/* SPDX-License-Identifier: MIT */
/* SIGQUIT shows what is parked: ThreadSanitizer lets the handler run, although all threads sleep in futex(2).
 * test-presets: tsan
 * expect-status: 2
 * expect-stderr: goroutine 1 \[sleep
 * expect-stderr: receiving_goroutine
 * expect-stderr: \[chan receive
 */
#include "run/common.h"

#include <signal.h>
#include <time.h>

static int receiving_goroutine(void *chan)
{
    int value;
    return rung_recv(chan, &value);
}

static int app(void *arg)
{
    rung_chan *chan = chan_open(sizeof(int), 0);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGQUIT };
    struct itimerspec soon = { .it_value = { 0, RUNG_MILLISECONDS(100) } };
    timer_t timer;
    (void)arg;
    go(receiving_goroutine, chan);
    wait_parked("chan receive", 1);
    EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    EXPECT_EQ(timer_settime(timer, 0, &soon, NULL), 0);
    EXPECT_EQ(rung_sleep(RUNG_SECONDS(20)), 0);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL);
}
