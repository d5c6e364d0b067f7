/* SPDX-License-Identifier: MIT */
/* Selects racing with closes: each selector sees each close once, and no item is lost before it. */
#include "common.h"

enum { SELECTORS = 8, ITEMS = 5 };

static rung_chan *chans[3];
static atomic_int received, closes;

static int selector(void *arg)
{
    (void)arg;
    rung_case cases[3];
    for (int i = 0; i < 3; i++)
        cases[i] = (rung_case)RUNG_CASE_RECV(chans[i], NULL);
    for (int open = 3; open > 0;) {
        int chosen = rung_select(cases, 3);
        EXPECT(chosen >= 0);
        if (cases[chosen].result == 1) {
            atomic_fetch_add(&received, 1);
            continue;
        }
        EXPECT_EQ(cases[chosen].result, 0);
        cases[chosen].chan = NULL;
        atomic_fetch_add(&closes, 1);
        open--;
    }
    return 0;
}

static int send_and_close(void *chan)
{
    for (int i = 0; i < ITEMS; i++)
        send_int(chan, i);
    rung_chan_close(chan);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    for (int round = rounds(150); round > 0; round--) {
        rung_group group;
        atomic_store(&received, 0);
        atomic_store(&closes, 0);
        rung_group_open(&group, RUNG_FOREVER);
        for (int i = 0; i < 3; i++)
            chans[i] = chan_open(sizeof(int), (size_t)i);
        for (int i = 0; i < SELECTORS; i++)
            group_go(&group, selector, NULL);
        for (int i = 0; i < 3; i++)
            group_go(&group, send_and_close, chans[i]);
        EXPECT_EQ(rung_group_wait(&group), 0);
        EXPECT_EQ(received, 3 * ITEMS);
        EXPECT_EQ(closes, 3 * SELECTORS);
        for (int i = 0; i < 3; i++)
            rung_chan_free(chans[i]);
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(6, app, NULL);
    return 0;
}
