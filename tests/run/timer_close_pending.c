/* SPDX-License-Identifier: MIT */
/* Closing a timer that is pending, firing at this moment, or fired: nothing fires into freed memory. */
#include "common.h"

static int churn(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    for (int i = rounds(2000); i > 0; i--) {
        rung_timer *timer;
        int64_t first = i % 3 == 0 ? RUNG_SECONDS(1000) : (int64_t)(test_random(&state) % 20000);
        EXPECT_EQ(rung_timer_open(&timer, first, i % 2 ? 1000 : 0), 0);
        for (uint64_t spin = test_random(&state) % 16; spin > 0; spin--)
            rung_yield();
        if (i % 5 == 0)
            (void)rung_timer_reset(timer, (int64_t)(test_random(&state) % 5000), 0);
        rung_timer_close(timer);
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < 6; i++)
        group_go(&group, churn, (void *)i);
    return rung_group_wait(&group);
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
