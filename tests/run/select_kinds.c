/* SPDX-License-Identifier: MIT */
/* Select does exactly one ready case and says which: buffers, parked partners, and after parking. */
#include "common.h"

static rung_chan *a, *b, *c;

static int send_b(void *arg)
{
    (void)arg;
    send_int(b, 8);
    return 0;
}

static int recv_c(void *arg)
{
    (void)arg;
    EXPECT_EQ(recv_int(c), 3);
    return 0;
}

/* Waits in select for a to give, b to give or c to take; gives back which it was. */
static int select_three(void *arg)
{
    int from_a = -1, from_b = -1, to_c = 3;
    rung_case cases[] = {
        RUNG_CASE_RECV(a, &from_a), RUNG_CASE_RECV(b, &from_b), RUNG_CASE_SEND(c, &to_c)};
    int expected = *(int *)arg;
    EXPECT_EQ(rung_select(cases, 3), expected);
    EXPECT_EQ(cases[expected].result, expected == 2 ? 0 : 1);
    EXPECT_EQ(from_a, expected == 0 ? 7 : -1);
    EXPECT_EQ(from_b, expected == 1 ? 8 : -1);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    int zero = 0, one = 1, two = 2;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);

    a = chan_open(sizeof(int), 1); /* ready at once, by buffers */
    b = chan_open(sizeof(int), 0);
    c = chan_open(sizeof(int), 0);
    send_int(a, 7);
    EXPECT_EQ(select_three(&zero), 0);
    group_go(&group, send_b, NULL); /* ready at once, by parked partners */
    wait_parked("chan send", 1);
    EXPECT_EQ(select_three(&one), 0);
    group_go(&group, recv_c, NULL);
    wait_parked("chan receive", 1);
    EXPECT_EQ(select_three(&two), 0);

    group_go(&group, select_three, &zero); /* after parking */
    wait_parked("select", 1);
    send_int(a, 7);
    EXPECT_EQ(rung_chan_length(a), 0);
    group_go(&group, select_three, &one);
    wait_parked("select", 1);
    send_int(b, 8);
    group_go(&group, select_three, &two);
    wait_parked("select", 1);
    EXPECT_EQ(recv_int(c), 3);
    EXPECT_EQ(rung_group_wait(&group), 0);

    EXPECT_EQ(rung_try_recv(c, NULL), -EAGAIN); /* the cases not chosen have left nothing behind */
    EXPECT_EQ(rung_try_send(b, &one), -EAGAIN);
    EXPECT_EQ(rung_try_recv(a, NULL), -EAGAIN);
    rung_chan_free(a);
    rung_chan_free(b);
    rung_chan_free(c);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
