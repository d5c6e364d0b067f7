/* SPDX-License-Identifier: MIT */
/* Closed channels are ready: receive gives 0 and a zeroed item, send gives -EPIPE; a close wakes a select. */
#include "common.h"

static rung_chan *chan, *other;

static int select_recv(void *arg)
{
    (void)arg;
    int item = 4;
    rung_case cases[] = {RUNG_CASE_RECV(other, NULL), RUNG_CASE_RECV(chan, &item)};
    EXPECT_EQ(rung_select(cases, 2), 1);
    EXPECT_EQ(cases[1].result, 0);
    EXPECT_EQ(item, 0);
    return 0;
}

static int select_send(void *arg)
{
    (void)arg;
    int item = 4;
    rung_case cases[] = {RUNG_CASE_SEND(chan, &item), RUNG_CASE_RECV(other, NULL)};
    EXPECT_EQ(rung_select(cases, 2), 0);
    EXPECT_EQ(cases[0].result, -EPIPE);
    EXPECT_EQ(item, 4);
    return 0;
}

static void check(rung_function *fn, int is_parked)
{
    rung_group group;
    chan = chan_open(sizeof(int), 0);
    other = chan_open(sizeof(int), 0);
    rung_group_open(&group, RUNG_FOREVER);
    if (!is_parked)
        rung_chan_close(chan);
    for (int i = 0; i < 10; i++)
        group_go(&group, fn, NULL);
    if (is_parked) {
        wait_parked("select", 10);
        rung_chan_close(chan);
    }
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_try_send(other, &is_parked), -EAGAIN);
    rung_chan_free(other);
    rung_chan_free(chan);
}

static int app(void *arg)
{
    (void)arg;
    for (int is_parked = 0; is_parked < 2; is_parked++) {
        check(select_recv, is_parked);
        check(select_send, is_parked);
    }
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
