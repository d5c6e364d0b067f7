/* SPDX-License-Identifier: MIT */
/* A timer's channel in a select: as a timeout, and two tickers merged. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    rung_chan *silent = chan_open(0, 0);
    rung_timer *timeout, *fast, *slow;
    int64_t tick, start = rung_now();
    EXPECT_EQ(rung_timer_open(&timeout, MS(5), 0), 0);
    rung_case cases[] = {RUNG_CASE_RECV(silent, NULL), RUNG_CASE_RECV(rung_timer_chan(timeout), &tick)};
    EXPECT_EQ(rung_select(cases, 2), 1);
    EXPECT_EQ(cases[1].result, 1);
    EXPECT(tick - start >= MS(5));
    EXPECT_EQ(rung_try_select(cases, 2), -EAGAIN);

    EXPECT_EQ(rung_timer_open(&fast, MS(1), MS(1)), 0);
    EXPECT_EQ(rung_timer_open(&slow, MS(7), MS(7)), 0);
    EXPECT_EQ(rung_timer_reset(timeout, RUNG_SECONDS(1000), 0), 0);
    int counts[3] = {0};
    rung_case three[] = {RUNG_CASE_RECV(rung_timer_chan(fast), NULL),
                         RUNG_CASE_RECV(rung_timer_chan(slow), NULL),
                         RUNG_CASE_RECV(rung_timer_chan(timeout), NULL)};
    while (counts[0] < 10 || counts[1] < 3) {
        int chosen = rung_select(three, 3);
        EXPECT(chosen == 0 || chosen == 1);
        counts[chosen]++;
    }
    rung_timer_close(fast);
    rung_timer_close(slow);
    rung_timer_close(timeout);
    rung_chan_free(silent);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
