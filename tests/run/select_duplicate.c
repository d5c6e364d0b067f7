/* SPDX-License-Identifier: MIT */
/* One channel in several cases of a select: woken by another channel, it leaves every queue whole. */
#include "common.h"

static rung_chan *c, *d, *done;

static int select_twice_on_c(void *arg)
{
    (void)arg;
    int item = -1;
    rung_case cases[] = {RUNG_CASE_RECV(c, &item), RUNG_CASE_RECV(c, &item),
                         RUNG_CASE_RECV(d, &item), RUNG_CASE_RECV(c, &item)};
    EXPECT_EQ(rung_select(cases, 4), 2);
    EXPECT_EQ(item, 7);
    send_int(done, 9);
    return 0;
}

static int recv_c(void *arg)
{
    (void)arg;
    EXPECT_EQ(recv_int(c), 8);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    c = chan_open(sizeof(int), 0);
    d = chan_open(sizeof(int), 0);
    done = chan_open(sizeof(int), 0);
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, select_twice_on_c, NULL);
    wait_parked("select", 1);
    group_go(&group, recv_c, NULL);
    wait_parked("chan receive", 1);
    send_int(d, 7);
    EXPECT_EQ(recv_int(done), 9);
    send_int(c, 8);
    EXPECT_EQ(rung_group_wait(&group), 0);

    int item = 4, counts[3] = {0};
    for (int i = 0; i < 3000; i++) { /* each of the cases is chosen, and each receives one item */
        rung_chan_free(c);
        c = chan_open(sizeof(int), 1);
        send_int(c, i);
        rung_case cases[] = {RUNG_CASE_RECV(c, &item), RUNG_CASE_RECV(c, &item), RUNG_CASE_RECV(c, &item)};
        int chosen = rung_select(cases, 3);
        EXPECT(chosen >= 0 && chosen < 3);
        EXPECT_EQ(item, i);
        EXPECT_EQ(rung_chan_length(c), 0);
        counts[chosen]++;
    }
    for (int i = 0; i < 3; i++)
        EXPECT(counts[i] > 500);
    rung_chan_free(c);
    rung_chan_free(d);
    rung_chan_free(done);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
