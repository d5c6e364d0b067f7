/* SPDX-License-Identifier: MIT */
/* A periodic timer: the n-th tick comes no earlier than first + n periods, and times rise. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    int64_t start = rung_now(), last = 0, tick;
    rung_timer *timer;
    EXPECT_EQ(rung_timer_open(&timer, MS(20), MS(2)), 0);
    for (int i = 0; i < 40; i++) {
        EXPECT_EQ(rung_recv(rung_timer_chan(timer), &tick), 1);
        EXPECT(tick >= start + MS(20) + i * MS(2));
        EXPECT(tick > last);
        EXPECT(tick <= rung_now());
        last = tick;
    }
    EXPECT_EQ(rung_timer_stop(timer), 1);
    EXPECT_EQ(rung_sleep(MS(6)), 0);
    EXPECT_EQ(rung_try_recv(rung_timer_chan(timer), &tick), -EAGAIN);

    start = rung_now(); /* reset changes both the first time and the period */
    EXPECT_EQ(rung_timer_reset(timer, MS(10), 0), 0);
    EXPECT_EQ(rung_recv(rung_timer_chan(timer), &tick), 1);
    EXPECT(tick >= start + MS(10));
    EXPECT_EQ(rung_sleep(MS(6)), 0);
    EXPECT_EQ(rung_try_recv(rung_timer_chan(timer), &tick), -EAGAIN);
    rung_timer_close(timer);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
