/* SPDX-License-Identifier: MIT */
/* rung_try_select: -EAGAIN where nothing is ready, else as select; it obeys no scope. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    rung_chan *full = chan_open(sizeof(int), 1), *empty = chan_open(sizeof(int), 1);
    int out = 5, in = -1, item = 9;
    send_int(full, 1);
    rung_case cases[] = {RUNG_CASE_SEND(full, &out), RUNG_CASE_RECV(empty, &in)};
    EXPECT_EQ(rung_try_select(NULL, 0), -EAGAIN);
    for (int is_expired = 0; is_expired < 2; is_expired++) {
        rung_scope scope;
        rung_scope_open(&scope, is_expired ? 0 : RUNG_FOREVER);
        EXPECT_EQ(rung_try_select(cases, 2), -EAGAIN);
        EXPECT_EQ(in, -1);
        EXPECT_EQ(rung_chan_length(full), 1);
        EXPECT_EQ(rung_chan_length(empty), 0);

        EXPECT_EQ(rung_try_send(empty, &item), 0);
        EXPECT_EQ(rung_try_select(cases, 2), 1);
        EXPECT_EQ(cases[1].result, 1);
        EXPECT_EQ(in, 9);
        in = -1;
        EXPECT_EQ(rung_try_recv(full, NULL), 1);
        EXPECT_EQ(rung_try_select(cases, 2), 0);
        EXPECT_EQ(cases[0].result, 0);
        EXPECT_EQ(rung_scope_close(&scope), is_expired ? -ETIMEDOUT : 0);
    }
    rung_chan_free(full);
    rung_chan_free(empty);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
