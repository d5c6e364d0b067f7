/* SPDX-License-Identifier: MIT */
/* On one processor two goroutines that keep each other runnable do not keep a timer from firing. */
#include "common.h"

#include "busy_processor.h"

static int app(void *arg)
{
    (void)arg;
    for (int round = 0; round < 20; round++) {
        rung_group group;
        rung_timer *timer;
        busy_start(&group, (size_t)round % 2);
        EXPECT_EQ(rung_timer_open(&timer, RUNG_MICROSECONDS(100), 0), 0);
        EXPECT_EQ(rung_recv(rung_timer_chan(timer), NULL), 1);
        EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(100)), 0);
        atomic_store(&is_over, 1);
        busy_wait(&group);
        rung_timer_close(timer);
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    return 0;
}
