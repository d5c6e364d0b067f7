/* SPDX-License-Identifier: MIT */
/* A send on an unbuffered channel comes back only once a receiver takes the item, and never before. */
#include "common.h"

static rung_chan *chan;
static atomic_int begun;

static int sender(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        send_int(chan, i);
        EXPECT(atomic_load(&begun) > i);
        EXPECT_EQ(rung_chan_length(chan), 0);
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    uint64_t state = test_seed();
    chan = chan_open(sizeof(int), 0);
    atomic_store(&begun, 0);
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, sender, NULL);
    for (int i = 0; i < 2000; i++) {
        for (uint64_t n = test_random(&state) % 4; n > 0; n--)
            rung_yield();
        if (i % 500 == 0)
            EXPECT_EQ(rung_sleep(MS(1)), 0);
        atomic_store(&begun, i + 1);
        EXPECT_EQ(recv_int(chan), i);
    }
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_chan_capacity(chan), 0);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
