/* SPDX-License-Identifier: MIT */
/* Two sends on one channel in a select: both are chosen about as often, parked or not. */
#include "common.h"

enum { ITEMS = 400 };

static rung_chan *chan;
static int ones;

static int receiver(void *arg)
{
    (void)arg;
    for (int i = 0; i < ITEMS; i++) {
        rung_yield();
        ones += recv_int(chan);
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    int zero = 0, one = 1;
    for (size_t capacity = 0; capacity <= ITEMS; capacity += ITEMS) {
        rung_group group;
        ones = 0;
        chan = chan_open(sizeof(int), capacity);
        rung_group_open(&group, RUNG_FOREVER);
        group_go(&group, receiver, NULL);
        for (int i = 0; i < ITEMS; i++) {
            rung_case cases[] = {RUNG_CASE_SEND(chan, &one), RUNG_CASE_SEND(chan, &zero)};
            EXPECT(rung_select(cases, 2) >= 0);
        }
        EXPECT_EQ(rung_group_wait(&group), 0);
        EXPECT(ones > ITEMS / 2 - 100 && ones < ITEMS / 2 + 100); /* 10 sigma */
        rung_chan_free(chan);
    }
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
