/* SPDX-License-Identifier: MIT */
/* Thousands of timers at random times, half of them reset or stopped by others: each fires exactly if it should. */
#include "common.h"

enum { TIMERS = 4000, MOVERS = 4 };

static rung_timer *timers[TIMERS];
static int is_stopped[TIMERS];
static int64_t not_before[TIMERS];

static int mover(void *arg)
{
    uintptr_t me = (uintptr_t)arg;
    uint64_t state = test_seed() + me;
    for (size_t i = me; i < TIMERS; i += MOVERS) {
        int64_t duration = (int64_t)(test_random(&state) % (uint64_t)MS(150));
        switch (test_random(&state) % 4) {
        case 0:
            EXPECT_EQ(rung_timer_stop(timers[i]), 1);
            is_stopped[i] = 1;
            break;
        case 1:
            not_before[i] = rung_now() + duration;
            EXPECT_EQ(rung_timer_reset(timers[i], duration, 0), 1);
            break;
        default:
            not_before[i] = rung_now() + duration;
            EXPECT_EQ(rung_timer_reset(timers[i], RUNG_SECONDS(2000), 0), 1);
            EXPECT_EQ(rung_timer_reset(timers[i], duration, 0), 1);
        }
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    for (int i = 0; i < TIMERS; i++) {
        is_stopped[i] = 0;
        EXPECT_EQ(rung_timer_open(&timers[i], RUNG_SECONDS(1000 + i * 7919 % TIMERS), 0), 0);
    }
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < MOVERS; i++)
        group_go(&group, mover, (void *)i);
    EXPECT_EQ(rung_group_wait(&group), 0);
    for (int i = 0; i < TIMERS; i++) {
        int64_t tick;
        if (is_stopped[i])
            continue;
        EXPECT_EQ(rung_recv(rung_timer_chan(timers[i]), &tick), 1);
        EXPECT(tick >= not_before[i]);
    }
    for (int i = 0; i < TIMERS; i++) {
        EXPECT_EQ(rung_try_recv(rung_timer_chan(timers[i]), NULL), -EAGAIN);
        rung_timer_close(timers[i]);
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
