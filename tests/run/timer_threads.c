/* SPDX-License-Identifier: MIT */
/* Plain threads open, wait for, reset, stop and close timers. */
#include "common.h"

static void *thread(void *arg)
{
    (void)arg;
    rung_timer *timer;
    int64_t tick, start = rung_now();
    EXPECT_EQ(rung_timer_open(&timer, MS(3), MS(1)), 0);
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(rung_recv(rung_timer_chan(timer), &tick), 1);
        EXPECT(tick >= start + MS(3) + i * MS(1));
    }
    EXPECT_EQ(rung_timer_reset(timer, RUNG_SECONDS(1000), 0), 1);
    EXPECT_EQ(rung_timer_stop(timer), 1);
    EXPECT_EQ(rung_timer_stop(timer), 0);
    EXPECT_EQ(rung_timer_reset(timer, 0, 0), 0);
    EXPECT_EQ(rung_recv(rung_timer_chan(timer), &tick), 1);
    rung_timer_close(timer);
    return NULL;
}

static int app(void *arg)
{
    (void)arg;
    pthread_t threads[5];
    for (int i = 0; i < 5; i++)
        threads[i] = thread_start(thread, NULL);
    for (int i = 0; i < 5; i++)
        thread_join(threads[i]);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
