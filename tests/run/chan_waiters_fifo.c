/* SPDX-License-Identifier: MIT */
/* Parked receivers, and parked senders, are served in the order in which they came. */
#include "common.h"

enum { WAITERS = 12 };

static rung_chan *chan;
static int numbers[WAITERS];

static int receiver(void *number)
{
    EXPECT_EQ(recv_int(chan), *(int *)number);
    return 0;
}

static int sender(void *number)
{
    send_int(chan, *(int *)number);
    return 0;
}

static void park_in_order(rung_group *group, rung_function *fn, const char *reason)
{
    rung_group_open(group, RUNG_FOREVER);
    for (int i = 0; i < WAITERS; i++) {
        numbers[i] = i;
        group_go(group, fn, &numbers[i]);
        wait_parked(reason, i + 1);
    }
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    for (int capacity = 0; capacity <= 3; capacity += 3) {
        chan = chan_open(sizeof(int), (size_t)capacity);
        park_in_order(&group, receiver, "chan receive");
        for (int i = 0; i < WAITERS; i++)
            send_int(chan, i);
        EXPECT_EQ(rung_group_wait(&group), 0);

        for (int i = 0; i < capacity; i++)
            send_int(chan, 100 + i);
        park_in_order(&group, sender, "chan send");
        for (int i = 0; i < capacity; i++)
            EXPECT_EQ(recv_int(chan), 100 + i);
        for (int i = 0; i < WAITERS; i++)
            EXPECT_EQ(recv_int(chan), i);
        EXPECT_EQ(rung_group_wait(&group), 0);
        rung_chan_free(chan);
    }
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
