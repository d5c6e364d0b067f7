/* SPDX-License-Identifier: MIT */
/* Ten goroutines share the ticks of one very fast timer, while others reset and stop timers of their own. */
#include "common.h"

static rung_timer *ticker;
static atomic_int is_over;

static int take_ticks(void *arg)
{
    (void)arg;
    for (int i = 0; i < 50; i++)
        EXPECT_EQ(rung_recv(rung_timer_chan(ticker), NULL), 1);
    return 0;
}

static int start_and_stop(void *arg)
{
    (void)arg;
    rung_timer *timer;
    EXPECT_EQ(rung_timer_open(&timer, RUNG_FOREVER, 0), 0);
    while (!atomic_load(&is_over)) {
        (void)rung_timer_reset(timer, RUNG_MICROSECONDS(5), 0);
        EXPECT_EQ(rung_sleep(1), 0);
        int was_pending = rung_timer_stop(timer);
        EXPECT(was_pending == 0 || was_pending == 1);
        EXPECT_EQ(rung_try_recv(rung_timer_chan(timer), NULL), -EAGAIN);
    }
    rung_timer_close(timer);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group takers, others;
    atomic_store(&is_over, 0);
    EXPECT_EQ(rung_timer_open(&ticker, 1, 1), 0);
    rung_group_open(&others, RUNG_FOREVER);
    for (int i = 0; i < 4; i++)
        group_go(&others, start_and_stop, NULL);
    rung_group_open(&takers, RUNG_FOREVER);
    for (int i = 0; i < 10; i++)
        group_go(&takers, take_ticks, NULL);
    EXPECT_EQ(rung_group_wait(&takers), 0);
    atomic_store(&is_over, 1);
    EXPECT_EQ(rung_group_wait(&others), 0);
    rung_timer_close(ticker);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
