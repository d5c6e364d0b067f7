/* SPDX-License-Identifier: MIT */
/* Reset: 1 if it was pending; earlier and later both hold; no tick of the old setting comes through. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    int64_t tick, start;
    rung_timer *timer;
    EXPECT_EQ(rung_timer_open(&timer, RUNG_FOREVER, 0), 0);
    rung_chan *chan = rung_timer_chan(timer);
    EXPECT_EQ(rung_timer_reset(timer, RUNG_SECONDS(1000), 0), 0);
    EXPECT_EQ(rung_timer_reset(timer, RUNG_SECONDS(2000), 0), 1);
    start = rung_now(); /* much earlier */
    EXPECT_EQ(rung_timer_reset(timer, MS(2), 0), 1);
    EXPECT_EQ(rung_recv(chan, &tick), 1);
    EXPECT(tick >= start + MS(2));
    EXPECT_EQ(rung_timer_reset(timer, RUNG_SECONDS(1000), 0), 0);
    EXPECT_EQ(rung_timer_reset(timer, RUNG_FOREVER, 0), 1); /* the same as stop */
    EXPECT_EQ(rung_timer_reset(timer, -RUNG_SECONDS(5), 0), 0); /* negative counts as 0 */
    EXPECT_EQ(rung_recv(chan, &tick), 1);

    for (int i = rounds(3000); i > 0; i--) { /* reset right when it fires */
        int64_t first = i % 64 * 200;
        (void)rung_timer_reset(timer, first, 0);
        for (int spin = i % 7 * 30; spin > 0; spin--)
            rung_yield();
        start = rung_now();
        (void)rung_timer_reset(timer, RUNG_MICROSECONDS(10), 0);
        EXPECT_EQ(rung_recv(chan, &tick), 1);
        EXPECT(tick >= start + RUNG_MICROSECONDS(10)); /* else a stale one */
    }
    rung_timer_close(timer);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
