/* SPDX-License-Identifier: MIT */
/*
 * Timers that are still open when rung_run ends tick on in the next run at the latest, also where that has fewer
 * processors; they can be reset and closed between two runs.
 */
#include "common.h"

enum { TIMERS = 40 };

static rung_timer *timers[TIMERS];

static int opens(void *arg)
{
    size_t i = (size_t)(uintptr_t)arg;
    int64_t end = rung_now() + MS(2);
    EXPECT_EQ(rung_timer_open(&timers[i], MS(30), 0), 0);
    while (rung_now() < end) /* so that others run elsewhere */
        continue;
    return 0;
}

static int open_all(void *arg)
{
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (size_t i = 0; i < TIMERS; i++)
        group_go(&group, opens, (void *)i);
    EXPECT_EQ(rung_group_wait(&group), 0);
    return arg != NULL;
}

static int receive_all(void *arg)
{
    for (int i = 0; i < TIMERS; i++)
        if (timers[i] != NULL)
            EXPECT_EQ(rung_recv(rung_timer_chan(timers[i]), NULL), 1);
    return arg != NULL;
}

int main(void)
{
    for (int procs = 1; procs <= 4; procs++) {
        run_on(4, open_all, NULL);
        EXPECT(rung_timer_reset(timers[0], MS(5), 0) >= 0);
        EXPECT(rung_timer_stop(timers[1]) >= 0);
        rung_timer_close(timers[1]);
        timers[1] = NULL;
        run_on(procs, receive_all, NULL);
        for (int i = 0; i < TIMERS; i++)
            rung_timer_close(timers[i]);
    }
    return 0;
}
