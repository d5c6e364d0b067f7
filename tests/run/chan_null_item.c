/* SPDX-License-Identifier: MIT */
/* Receiving with a NULL item drops exactly one item; a signal channel needs no item at all. */
#include "common.h"

static rung_chan *chan;

static int drop_one(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_recv(chan, NULL), 1);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    chan = chan_open(sizeof(int), 4);
    for (int i = 0; i < 4; i++)
        send_int(chan, i);
    EXPECT_EQ(rung_recv(chan, NULL), 1);
    EXPECT_EQ(rung_try_recv(chan, NULL), 1);
    rung_case dropped[] = {RUNG_CASE_RECV(chan, NULL)};
    EXPECT_EQ(rung_select(dropped, 1), 0);
    EXPECT_EQ(dropped[0].result, 1);
    EXPECT_EQ(recv_int(chan), 3);
    rung_chan_free(chan);

    chan = chan_open(sizeof(int), 0);
    go(drop_one, NULL);
    wait_parked("chan receive", 1);
    send_int(chan, 1);
    rung_chan_free(chan);

    chan = chan_open(0, 3);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(rung_send(chan, NULL), 0);
    EXPECT_EQ(rung_try_send(chan, NULL), -EAGAIN);
    EXPECT_EQ(rung_chan_length(chan), 3);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(rung_recv(chan, NULL), 1);
    EXPECT_EQ(rung_try_recv(chan, NULL), -EAGAIN);
    rung_chan_close(chan);
    EXPECT_EQ(rung_recv(chan, NULL), 0);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
