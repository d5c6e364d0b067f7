/* SPDX-License-Identifier: MIT */
/* Stop: 1 if the timer was pending, else 0; after it no tick is received, not even one sent before. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    rung_timer *timer;
    EXPECT_EQ(rung_timer_open(&timer, RUNG_SECONDS(1000), 0), 0);
    rung_chan *chan = rung_timer_chan(timer);
    EXPECT_EQ(rung_timer_stop(timer), 1);
    EXPECT_EQ(rung_timer_stop(timer), 0);

    EXPECT_EQ(rung_timer_reset(timer, 0, 0), 0); /* fires; its tick waits in the channel */
    while (rung_chan_length(chan) == 0)
        EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(100)), 0);
    (void)rung_timer_stop(timer);
    EXPECT_EQ(rung_try_recv(chan, NULL), -EAGAIN);
    EXPECT_EQ(rung_chan_length(chan), 0);
    EXPECT_EQ(rung_timer_stop(timer), 0);

    EXPECT_EQ(rung_timer_reset(timer, MS(1), 0), 0); /* fired and received: no longer pending */
    EXPECT_EQ(rung_recv(chan, NULL), 1);
    EXPECT_EQ(rung_timer_stop(timer), 0);

    EXPECT_EQ(rung_timer_reset(timer, 0, RUNG_MICROSECONDS(50)), 0); /* periodic: pending for ever */
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(rung_recv(chan, NULL), 1);
    EXPECT_EQ(rung_timer_stop(timer), 1);
    EXPECT_EQ(rung_try_recv(chan, NULL), -EAGAIN);
    EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT_EQ(rung_try_recv(chan, NULL), -EAGAIN);
    EXPECT_EQ(rung_timer_stop(timer), 0);
    rung_timer_close(timer);

    EXPECT_EQ(rung_timer_open(&timer, RUNG_FOREVER, MS(1)), 0); /* made, but stopped */
    EXPECT_EQ(rung_timer_stop(timer), 0);
    rung_timer_close(timer);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
