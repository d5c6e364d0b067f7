/* SPDX-License-Identifier: MIT */
/* Close wakes every parked receiver (0, item zeroed) and every parked sender (-EPIPE, not sent). */
#include "common.h"

enum { WAITERS = 20 };

static int receiver(void *chan)
{
    int value = 99;
    EXPECT_EQ(rung_recv(chan, &value), 0);
    EXPECT_EQ(value, 0);
    return 0;
}

static int sender(void *chan)
{
    int value = 5;
    EXPECT_EQ(rung_send(chan, &value), -EPIPE);
    return 0;
}

static void close_with_waiters(size_t capacity, rung_function *fn, const char *reason)
{
    rung_chan *chan = chan_open(sizeof(int), capacity);
    if (fn == sender)
        for (size_t i = 0; i < capacity; i++)
            send_int(chan, 1);
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < WAITERS; i++)
        group_go(&group, fn, chan);
    wait_parked(reason, WAITERS);
    rung_chan_close(chan);
    EXPECT_EQ(rung_group_wait(&group), 0);
    if (fn == sender)
        for (size_t i = 0; i < capacity; i++)
            EXPECT_EQ(recv_int(chan), 1);
    EXPECT_EQ(rung_recv(chan, NULL), 0);
    rung_chan_free(chan);
}

static int app(void *arg)
{
    (void)arg;
    for (size_t capacity = 0; capacity < 3; capacity++) {
        close_with_waiters(capacity, receiver, "chan receive");
        close_with_waiters(capacity, sender, "chan send");
    }
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
