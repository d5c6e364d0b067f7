/* SPDX-License-Identifier: MIT */
/* Ticks that nobody takes are dropped, all but one, and the timer goes on afterwards. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    int64_t tick, last = 0;
    rung_timer *timer;
    EXPECT_EQ(rung_timer_open(&timer, MS(1), MS(1)), 0);
    rung_chan *chan = rung_timer_chan(timer);
    for (int round = 0; round < 3; round++) {
        EXPECT_EQ(rung_sleep(MS(20)), 0); /* 20 ticks, one place */
        EXPECT(rung_chan_length(chan) <= 1);
        int64_t start = rung_now();
        for (int i = 0; i < 6; i++) {
            EXPECT_EQ(rung_recv(chan, &tick), 1);
            EXPECT(tick > last);
            last = tick;
        }
        EXPECT(rung_now() - start >= MS(3)); /* at most two of the six were old */
    }
    rung_timer_close(timer);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
