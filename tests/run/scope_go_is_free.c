/* SPDX-License-Identifier: MIT */
/* rung_go belongs to the root scope: the scope in which it was called does not end it. */
#include "common.h"

static rung_chan *chan;

static int later(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_scope_error(), 0);
    EXPECT_EQ(rung_sleep(MS(3)), 0);
    send_int(chan, 11);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_scope scope;
    chan = chan_open(sizeof(int), 1);
    rung_scope_open(&scope, RUNG_FOREVER);
    go(later, NULL);
    rung_scope_cancel(&scope);
    go(later, NULL); /* also from an ended scope */
    EXPECT_EQ(rung_scope_close(&scope), -ECANCELED);
    EXPECT_EQ(recv_int(chan), 11);
    EXPECT_EQ(recv_int(chan), 11);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
