/* SPDX-License-Identifier: MIT */
/*
 * Select sees all its channels at one moment: while c2 becomes ready before c1 stops being ready,
 * a select on both always finds one.
 */
#include "common.h"

static rung_chan *c1, *c2;

static int never_default(void *arg)
{
    (void)arg;
    rung_case cases[] = {RUNG_CASE_RECV(c1, NULL), RUNG_CASE_RECV(c2, NULL)};
    EXPECT(rung_try_select(cases, 2) >= 0);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    for (int i = rounds(4000); i > 0; i--) {
        rung_group group;
        c1 = chan_open(sizeof(int), 1);
        c2 = chan_open(sizeof(int), (size_t)i % 2);
        send_int(c1, 1);
        rung_group_open(&group, RUNG_FOREVER);
        group_go(&group, never_default, NULL);
        if (i % 2)
            send_int(c2, 1);
        else
            rung_chan_close(c2);
        (void)rung_try_recv(c1, NULL);
        EXPECT_EQ(rung_group_wait(&group), 0);
        rung_chan_free(c1);
        rung_chan_free(c2);
    }
    return 0;
}

int main(void)
{
    run_on(2, app, NULL);
    run_on(8, app, NULL);
    return 0;
}
