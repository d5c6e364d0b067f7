/* SPDX-License-Identifier: MIT */
/* A one-shot timer fires once, never early, and sends the time at which it fired. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        int64_t duration = MS(i % 10), tick = 0, start = rung_now();
        rung_timer *timer;
        EXPECT_EQ(rung_timer_open(&timer, duration, 0), 0);
        rung_chan *chan = rung_timer_chan(timer);
        EXPECT_EQ(rung_chan_capacity(chan), 1);
        EXPECT_EQ(rung_recv(chan, &tick), 1);
        EXPECT(tick >= start + duration);
        EXPECT(tick <= rung_now());
        EXPECT_EQ(rung_sleep(MS(2)), 0);
        EXPECT_EQ(rung_try_recv(chan, &tick), -EAGAIN);
        EXPECT_EQ(rung_timer_stop(timer), 0);
        rung_timer_close(timer);
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
