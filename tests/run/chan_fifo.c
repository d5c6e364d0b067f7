/* SPDX-License-Identifier: MIT */
/* Items come out in the order they went in, whatever the capacity and the number of processors. */
#include "common.h"

static int sender(void *chan)
{
    for (int i = 0; i < 1000; i++)
        send_int(chan, i);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    for (size_t capacity = 0; capacity < 40; capacity += capacity < 4 ? 1 : 9) {
        rung_chan *chan = chan_open(sizeof(int), capacity);
        go(sender, chan);
        for (int i = 0; i < 1000; i++)
            EXPECT_EQ(recv_int(chan), i);
        EXPECT_EQ(rung_try_recv(chan, NULL), -EAGAIN);
        rung_chan_free(chan);
    }
    return 0;
}

int main(void)
{
    for (int procs = 1; procs <= 8; procs *= 2)
        run_on(procs, app, NULL);
    return 0;
}
