/* SPDX-License-Identifier: MIT */
/* Select as a relay between many small channels (a tree of merges) keeps every item, in order per source. */
#include "common.h"

enum { SOURCES = 16, ITEMS = 300 };

struct merge {
    rung_chan *left, *right, *out;
};

static int source(void *arg)
{
    struct merge *me = arg;
    int number = (int)(uintptr_t)me->left;
    for (int i = 0; i < ITEMS; i++)
        send_int(me->out, number * ITEMS + i);
    rung_chan_close(me->out);
    return 0;
}

static int merge(void *arg)
{
    struct merge *me = arg;
    int left, right;
    rung_case cases[] = {RUNG_CASE_RECV(me->left, &left), RUNG_CASE_RECV(me->right, &right)};
    while (cases[0].chan != NULL || cases[1].chan != NULL) {
        int chosen = rung_select(cases, 2);
        EXPECT(chosen >= 0);
        if (cases[chosen].result == 0)
            cases[chosen].chan = NULL;
        else
            send_int(me->out, chosen == 0 ? left : right);
    }
    rung_chan_close(me->out);
    return 0;
}

static rung_chan *chans[2 * SOURCES]; /* a heap: 1 is the root, SOURCES.. are the sources */

static int app(void *arg)
{
    (void)arg;
    int last[SOURCES], count = 0, value;
    memset(last, -1, sizeof last);
    for (int i = 1; i < 2 * SOURCES; i++)
        chans[i] = chan_open(sizeof(int), (size_t)i % 3);
    for (int i = 1; i < 2 * SOURCES; i++) {
        struct merge node = {(rung_chan *)(uintptr_t)(i - SOURCES), NULL, chans[i]};
        if (i < SOURCES)
            node = (struct merge){chans[2 * i], chans[2 * i + 1], chans[i]};
        EXPECT_EQ(rung_go_copy(i < SOURCES ? merge : source, &node, sizeof node), 0);
    }
    for (; rung_recv(chans[1], &value) == 1; count++) {
        EXPECT_EQ(value % ITEMS, last[value / ITEMS] + 1);
        last[value / ITEMS] = value % ITEMS;
    }
    EXPECT_EQ(count, SOURCES * ITEMS);
    return 0;
}

int main(void)
{
    for (int procs = 1; procs <= 4; procs += 3) {
        run_on(procs, app, NULL);
        for (int i = 1; i < 2 * SOURCES; i++)
            rung_chan_free(chans[i]);
    }
    return 0;
}
