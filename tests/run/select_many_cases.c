/* SPDX-License-Identifier: MIT */
/* Selects of 16, 17, 1000 and 65,536 cases find the one that is ready, at once and after parking. */
#include "common.h"

static rung_chan **chans;
static rung_case *cases;
static int *items;

static int select_all(void *arg)
{
    size_t count = *(size_t *)arg;
    for (size_t i = 0; i < count; i++)
        cases[i] = i % 2 ? (rung_case)RUNG_CASE_SEND(chans[i], &items[i])
                         : (rung_case)RUNG_CASE_RECV(chans[i], &items[i]);
    return rung_select(cases, count);
}

static int select_all_in_group(void *arg)
{
    EXPECT(select_all(arg) >= 0);
    return 0;
}

static void ready_at(size_t count, size_t target, int is_parked)
{
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    items[target] = 42;
    if (is_parked) {
        group_go(&group, select_all_in_group, &count);
        wait_parked("select", 1);
        if (target % 2)
            EXPECT_EQ(recv_int(chans[target]), 42);
        else
            send_int(chans[target], 43);
    } else {
        rung_chan *rendezvous = chans[target];
        chans[target] = chan_open(sizeof(int), 1);
        if (target % 2 == 0)
            send_int(chans[target], 43);
        EXPECT_EQ(select_all(&count), target);
        if (target % 2)
            EXPECT_EQ(recv_int(chans[target]), 42);
        rung_chan_free(chans[target]);
        chans[target] = rendezvous;
    }
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(items[target], target % 2 ? 42 : 43);
}

static int app(void *arg)
{
    static const size_t counts[] = {1, 2, 15, 16, 17, 18, 100, 1000, 65536};
    (void)arg;
    chans = calloc(65536, sizeof *chans);
    cases = calloc(65537, sizeof *cases);
    items = calloc(65536, sizeof *items);
    EXPECT(chans != NULL && cases != NULL && items != NULL);
    for (int i = 0; i < 65536; i++)
        chans[i] = chan_open(sizeof(int), 0);
    for (size_t i = 0; i < LENGTH(counts); i++)
        for (int is_parked = 0; is_parked < 2; is_parked++) {
            ready_at(counts[i], 0, is_parked);
            ready_at(counts[i], counts[i] / 2, is_parked);
            ready_at(counts[i], counts[i] - 1, is_parked);
        }
    size_t too_many = 65537;
    EXPECT_EQ(rung_select(cases, too_many), -EINVAL);
    EXPECT_EQ(rung_try_select(cases, too_many), -EINVAL);
    for (int i = 0; i < 65536; i++)
        rung_chan_free(chans[i]); /* panics if a waiter has stayed behind */
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
