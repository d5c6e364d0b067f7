/* SPDX-License-Identifier: MIT */
/* A buffered channel takes exactly its capacity, counts right, and goes round its ring many times. */
#include "common.h"

static void fill_and_drain(int capacity)
{
    rung_chan *chan = chan_open(sizeof(int), (size_t)capacity);
    EXPECT_EQ(rung_chan_capacity(chan), capacity);
    int next_in = 0, next_out = 0, value;
    for (int round = 0; round < 5; round++) {
        while (rung_try_send(chan, &next_in) == 0)
            EXPECT_EQ(rung_chan_length(chan), ++next_in - next_out);
        EXPECT_EQ(next_in - next_out, capacity);
        EXPECT_EQ(rung_try_send(chan, &next_in), -EAGAIN);
        for (int keep = (capacity + 2) / 3; next_in - next_out > keep;) {
            EXPECT_EQ(rung_try_recv(chan, &value), 1);
            EXPECT_EQ(value, next_out++);
        }
    }
    while (next_out < next_in)
        EXPECT_EQ(recv_int(chan), next_out++);
    value = 77;
    EXPECT_EQ(rung_try_recv(chan, &value), -EAGAIN);
    EXPECT_EQ(rung_chan_length(chan), 0);
    rung_chan_free(chan);
}

static int sender(void *chan)
{
    send_int(chan, 2);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    for (int capacity = 0; capacity < 70; capacity++)
        fill_and_drain(capacity);
    fill_and_drain(100000);

    rung_chan *chan = chan_open(sizeof(int), 1); /* a send to a full channel parks */
    send_int(chan, 1);
    go(sender, chan);
    wait_parked("chan send", 1);
    EXPECT_EQ(rung_chan_length(chan), 1);
    EXPECT_EQ(recv_int(chan), 1);
    EXPECT_EQ(recv_int(chan), 2);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
