/* SPDX-License-Identifier: MIT */
/* The main thread uses a buffered channel before and after rung_run; its items go through. */
#include "common.h"

static int app(void *chan)
{
    EXPECT_EQ(rung_chan_length(chan), 2);
    EXPECT_EQ(recv_int(chan), 1);
    EXPECT_EQ(recv_int(chan), 2);
    send_int(chan, 3);
    return 0;
}

int main(void)
{
    rung_chan *chan = chan_open(sizeof(int), 2);
    int value = 9;
    EXPECT_EQ(rung_try_recv(chan, &value), -EAGAIN);
    send_int(chan, 1);
    send_int(chan, 2);
    EXPECT_EQ(rung_try_send(chan, &value), -EAGAIN);
    rung_case full[] = {RUNG_CASE_SEND(chan, &value)};
    EXPECT_EQ(rung_try_select(full, 1), -EAGAIN);
    EXPECT_EQ(rung_run(app, chan), 0);
    EXPECT_EQ(recv_int(chan), 3);
    rung_chan_close(chan);
    EXPECT_EQ(rung_recv(chan, &value), 0);
    EXPECT_EQ(rung_send(chan, &value), -EPIPE);
    rung_chan_free(chan);
    return 0;
}
