/* SPDX-License-Identifier: MIT */
/* Timers refuse a negative period, take a negative first time as 0, and need rung_run. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    rung_timer *before = (rung_timer *)&before, *timer = before;
    EXPECT_EQ(rung_timer_open(&timer, 0, -1), -EINVAL);
    EXPECT_EQ(rung_timer_open(&timer, 0, INT64_MIN), -EINVAL);
    EXPECT(timer == before);
    EXPECT_EQ(rung_timer_open(&timer, INT64_MIN, 0), 0);
    EXPECT_EQ(rung_recv(rung_timer_chan(timer), NULL), 1);
    EXPECT_EQ(rung_timer_reset(timer, 0, -1), -EINVAL);
    EXPECT_EQ(rung_sleep(MS(2)), 0);
    EXPECT_EQ(rung_try_recv(rung_timer_chan(timer), NULL), -EAGAIN);
    EXPECT_EQ(rung_timer_reset(timer, INT64_MAX - 1, INT64_MAX), 0); /* no overflow */
    EXPECT_EQ(rung_sleep(MS(2)), 0);
    EXPECT_EQ(rung_try_recv(rung_timer_chan(timer), NULL), -EAGAIN);
    EXPECT_EQ(rung_timer_stop(timer), 1);
    EXPECT_EQ(rung_timer_reset(timer, 0, INT64_MAX), 0);
    EXPECT_EQ(rung_recv(rung_timer_chan(timer), NULL), 1);
    EXPECT_EQ(rung_sleep(MS(2)), 0);
    EXPECT_EQ(rung_try_recv(rung_timer_chan(timer), NULL), -EAGAIN);
    rung_timer_close(timer);
    rung_timer_close(NULL);
    return 0;
}

int main(void)
{
    rung_timer *timer = NULL;
    EXPECT_EQ(rung_timer_open(&timer, 0, 0), -ESRCH);
    EXPECT_EQ(rung_run(app, NULL), 0);
    EXPECT_EQ(rung_timer_open(&timer, 0, 0), -ESRCH);
    EXPECT(timer == NULL);
    return 0;
}
