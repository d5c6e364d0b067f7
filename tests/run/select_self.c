/* SPDX-License-Identifier: MIT */
/* Send and receive on one channel in one select: no deadlock, and no item goes to its own sender. */
#include "common.h"

static rung_chan *chan;
static size_t capacity;

static int both(void *arg)
{
    int me = *(int *)arg;
    for (int i = 0; i < 2000; i++) {
        int in = -1;
        rung_case cases[] = {RUNG_CASE_SEND(chan, &me), RUNG_CASE_RECV(chan, &in)};
        if (me == 1 && i % 2 == 1)
            cases[0] = (rung_case)RUNG_CASE_RECV(chan, &in), cases[1] = (rung_case)RUNG_CASE_SEND(chan, &me);
        int chosen = rung_select(cases, 2);
        EXPECT(chosen == 0 || chosen == 1);
        EXPECT_EQ(cases[chosen].result, cases[chosen].operation == RUNG_RECV);
        if (capacity == 0 && cases[chosen].operation == RUNG_RECV)
            EXPECT_EQ(in, !me);
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    int zero = 0, one = 1;
    for (capacity = 0; capacity <= 10; capacity += 10) {
        chan = chan_open(sizeof(int), capacity);
        rung_group group;
        rung_group_open(&group, RUNG_FOREVER);
        group_go(&group, both, &zero);
        group_go(&group, both, &one);
        EXPECT_EQ(rung_group_wait(&group), 0);
        rung_chan_free(chan);
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
