/* SPDX-License-Identifier: MIT */
/* The try forms give -EAGAIN where they would park, meet a parked partner, and obey no scope. */
#include "common.h"

static rung_chan *chan;

static int receiver(void *arg)
{
    (void)arg;
    EXPECT_EQ(recv_int(chan), 5);
    return 0;
}

static int sender(void *arg)
{
    (void)arg;
    send_int(chan, 6);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    int value = 5;
    chan = chan_open(sizeof(int), 0);
    EXPECT_EQ(rung_try_send(chan, &value), -EAGAIN);
    EXPECT_EQ(rung_try_recv(chan, &value), -EAGAIN);
    EXPECT_EQ(value, 5);

    rung_scope scope;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, receiver, NULL);
    wait_parked("chan receive", 1);
    rung_scope_open(&scope, 0);
    EXPECT_EQ(rung_try_send(chan, &value), 0);
    EXPECT_EQ(rung_try_send(chan, &value), -EAGAIN);
    EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);

    group_go(&group, sender, NULL);
    wait_parked("chan send", 1);
    rung_scope_open(&scope, RUNG_FOREVER);
    rung_scope_cancel(&scope);
    EXPECT_EQ(rung_try_recv(chan, &value), 1);
    EXPECT_EQ(value, 6);
    EXPECT_EQ(rung_try_recv(chan, &value), -EAGAIN);
    EXPECT_EQ(rung_scope_close(&scope), -ECANCELED);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
