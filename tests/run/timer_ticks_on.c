/* SPDX-License-Identifier: MIT */
/*
 * Timers that tick while one run ends and the next begins, on one processor: whoever fires them keeps to the mode that
 * he began in, so that locks are neither left taken nor given back twice.
 */
#include "common.h"

enum { TIMERS = 100 };

static rung_timer *timers[TIMERS];

static int open_all(void *arg)
{
    for (int i = 0; i < TIMERS; i++)
        EXPECT_EQ(rung_timer_open(&timers[i], 1000 * i, RUNG_MICROSECONDS(100)), 0);
    return arg != NULL;
}

static int receive(void *arg)
{
    for (int i = 0; i < TIMERS; i++)
        EXPECT_EQ(rung_recv(rung_timer_chan(timers[i]), NULL), 1);
    return arg != NULL;
}

int main(void)
{
    run_on(1, open_all, NULL);
    for (int64_t round = 0; round < test_scaled(2000); round++) {
        run_on(1, receive, NULL);
        for (int i = 0; i < TIMERS; i++) /* by the thread, with locks */
            EXPECT(rung_timer_reset(timers[i], 1000 * i, RUNG_MICROSECONDS(100)) >= 0);
    }
    for (int i = 0; i < TIMERS; i++)
        rung_timer_close(timers[i]);
    return 0;
}
