/* SPDX-License-Identifier: MIT */
/* A ring of 503 goroutines passes a token round; and 2 x 50 play ping-pong, on 1 to 16 processors. */
#include "common.h"

enum { RING = 503, ROUNDS = 20, PAIRS = 50, SHOTS = 100 };

static rung_chan *links[RING];

static int member(void *arg)
{
    uintptr_t me = (uintptr_t)arg;
    for (int i = 0; i < ROUNDS; i++)
        send_int(links[(me + 1) % RING], recv_int(links[me]) + 1);
    return 0;
}

static int plays(void *arg)
{
    rung_chan **chans = arg;
    for (int i = 0; i < SHOTS; i++) {
        EXPECT_EQ(recv_int(chans[0]), i);
        send_int(chans[1], i + 1);
    }
    return 0;
}

static int serves(void *arg)
{
    rung_chan *chans[2] = {chan_open(sizeof(int), 0), chan_open(sizeof(int), 0)};
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, plays, chans);
    for (int i = 0; i < SHOTS; i++) {
        send_int(chans[0], i);
        EXPECT_EQ(recv_int(chans[1]), i + 1);
    }
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_chan_free(chans[0]);
    rung_chan_free(chans[1]);
    return arg != NULL;
}

static int app(void *arg)
{
    rung_group group;
    for (int i = 0; i < RING; i++)
        links[i] = chan_open(sizeof(int), i == 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < RING; i++)
        group_go(&group, member, (void *)i);
    for (int i = 0; i < PAIRS; i++)
        group_go(&group, serves, NULL);
    send_int(links[0], 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(recv_int(links[0]), RING * ROUNDS);
    for (int i = 0; i < RING; i++)
        rung_chan_free(links[i]);
    return arg != NULL;
}

int main(void)
{
    for (int procs = 1; procs <= 16; procs *= 2)
        run_on(procs, app, NULL);
    return 0;
}
