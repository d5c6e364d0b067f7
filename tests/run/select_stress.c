/* SPDX-License-Identifier: MIT */
/* Senders, receivers and selectors on the same channels: as many items arrive as were sent, with their sum. */
#include "common.h"

enum { CHANNELS = 4, SELECTORS = 2 };

static rung_chan *chans[CHANNELS];
static atomic_llong sent_sum, received_sum;
static int items;

static int sender(void *chan)
{
    for (int i = 0; i < items; i++) {
        send_int(chan, i);
        atomic_fetch_add(&sent_sum, i);
    }
    return 0;
}

static int receiver(void *chan)
{
    for (int i = 0; i < items; i++)
        atomic_fetch_add(&received_sum, recv_int(chan));
    return 0;
}

/* The same number of items on each channel, from one select; a channel that is through becomes NULL. */
static void select_all(enum rung_operation operation)
{
    int counts[CHANNELS] = {0}, values[CHANNELS];
    rung_case cases[CHANNELS];
    for (int i = 0; i < CHANNELS; i++)
        cases[i] = (rung_case){chans[i], operation, &values[i], 0};
    for (int i = 0; i < CHANNELS * items; i++) {
        for (int j = 0; operation == RUNG_SEND && j < CHANNELS; j++)
            values[j] = i + j;
        int chosen = rung_select(cases, CHANNELS);
        EXPECT(chosen >= 0);
        EXPECT_EQ(cases[chosen].result, operation == RUNG_RECV);
        atomic_fetch_add(operation == RUNG_SEND ? &sent_sum : &received_sum, values[chosen]);
        if (++counts[chosen] == items)
            cases[chosen].chan = NULL;
    }
}

static int select_sender(void *arg)
{
    (void)arg;
    select_all(RUNG_SEND);
    return 0;
}

static int select_receiver(void *arg)
{
    (void)arg;
    select_all(RUNG_RECV);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    static const size_t capacities[CHANNELS] = {0, 0, 2, 3};
    rung_group group;
    items = rounds(3000);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < CHANNELS; i++)
        chans[i] = chan_open(sizeof(int), capacities[i]);
    for (int i = 0; i < CHANNELS; i++) {
        group_go(&group, sender, chans[i]);
        group_go(&group, receiver, chans[i]);
    }
    for (int i = 0; i < SELECTORS; i++) {
        group_go(&group, select_sender, NULL);
        group_go(&group, select_receiver, NULL);
    }
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(sent_sum, received_sum);
    for (int i = 0; i < CHANNELS; i++)
        rung_chan_free(chans[i]);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    run_on(10, app, NULL);
    return 0;
}
