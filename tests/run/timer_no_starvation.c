/* SPDX-License-Identifier: MIT */
/* On one processor two goroutines that keep each other runnable do not keep a timer from firing. */
#include "common.h"

static rung_chan *chan;
static atomic_int is_over;

static int ping(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over))
        send_int(chan, 1);
    rung_chan_close(chan);
    return 0;
}

static int pong(void *arg)
{
    (void)arg;
    while (rung_recv(chan, NULL) == 1)
        continue;
    return 0;
}

static int yielder(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over))
        rung_yield();
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    for (int round = 0; round < 20; round++) {
        rung_group group;
        rung_timer *timer;
        atomic_store(&is_over, 0);
        chan = chan_open(sizeof(int), (size_t)round % 2);
        rung_group_open(&group, RUNG_FOREVER);
        group_go(&group, ping, NULL);
        group_go(&group, pong, NULL);
        group_go(&group, yielder, NULL);
        EXPECT_EQ(rung_timer_open(&timer, RUNG_MICROSECONDS(100), 0), 0);
        EXPECT_EQ(rung_recv(rung_timer_chan(timer), NULL), 1);
        EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(100)), 0);
        atomic_store(&is_over, 1);
        EXPECT_EQ(rung_group_wait(&group), 0);
        rung_timer_close(timer);
        rung_chan_free(chan);
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    return 0;
}
