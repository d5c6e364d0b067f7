/* SPDX-License-Identifier: MIT */
/* A plain thread sets a timer forward while every thread of rung's has long been asleep: it fires all the same. */
#include "common.h"

enum { ROUNDS = 3 };

static rung_timer *timer;
static _Atomic int fired;

/* After so long the monitor sleeps as well, and only the keeper can be woken. */
static void *setter(void *arg)
{
    for (int round = 0; round < ROUNDS; round++) {
        usleep(600000);
        EXPECT_EQ(rung_timer_reset(timer, MS(1), 0), 1);
        while (fired == round) /* for good, if it is slept through */
            usleep(10000);
    }
    return arg;
}

static int app(void *arg)
{
    (void)arg;
    int64_t tick;
    EXPECT_EQ(rung_timer_open(&timer, RUNG_SECONDS(1000), 0), 0);
    pthread_t thread = thread_start(setter, NULL);
    for (int round = 1; round <= ROUNDS; round++) {
        EXPECT_EQ(rung_recv(rung_timer_chan(timer), &tick), 1);
        EXPECT_EQ(rung_timer_reset(timer, RUNG_SECONDS(1000), 0), 0);
        fired = round;
    }
    thread_join(thread);
    rung_timer_close(timer);
    return 0;
}

int main(void)
{
    setenv("RUNG_TRIM", "1000000", 1); /* not before: the monitor would find the timer when it wakes to trim stacks */
    run_on(2, app, NULL);
    return 0;
}
