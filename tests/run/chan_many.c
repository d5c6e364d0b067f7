/* SPDX-License-Identifier: MIT */
/* Many senders and receivers on one channel: each item arrives exactly once, per sender in order. */
#include "common.h"

enum { SENDERS = 6, RECEIVERS = 5, ITEMS = 1500 };

static rung_chan *chan;
static atomic_int seen[SENDERS][ITEMS];
static atomic_int next_sender;
static size_t capacity;

static int sender(void *arg)
{
    (void)arg;
    int me = atomic_fetch_add(&next_sender, 1);
    for (int i = 0; i < ITEMS; i++)
        send_int(chan, me * ITEMS + i);
    return 0;
}

static int receiver(void *arg)
{
    (void)arg;
    int value, result, last[SENDERS];
    memset(last, -1, sizeof last);
    while ((result = rung_recv(chan, &value)) == 1) {
        int from = value / ITEMS, number = value % ITEMS;
        EXPECT(number > last[from]);
        last[from] = number;
        atomic_fetch_add(&seen[from][number], 1);
    }
    return result;
}

static int app(void *arg)
{
    (void)arg;
    rung_group senders, receivers;
    memset(seen, 0, sizeof seen);
    atomic_store(&next_sender, 0);
    chan = chan_open(sizeof(int), capacity);
    rung_group_open(&receivers, RUNG_FOREVER);
    for (int i = 0; i < RECEIVERS; i++)
        group_go(&receivers, receiver, NULL);
    rung_group_open(&senders, RUNG_FOREVER);
    for (int i = 0; i < SENDERS; i++)
        group_go(&senders, sender, NULL);
    EXPECT_EQ(rung_group_wait(&senders), 0);
    rung_chan_close(chan);
    EXPECT_EQ(rung_group_wait(&receivers), 0);
    for (int from = 0; from < SENDERS; from++)
        for (int i = 0; i < ITEMS; i++)
            EXPECT_EQ(atomic_load(&seen[from][i]), 1);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    static const size_t capacities[] = {0, 1, 10, 1000};
    for (size_t i = 0; i < LENGTH(capacities); i++)
        for (int procs = 1; procs <= 9; procs += 4) {
            capacity = capacities[i];
            for (int round = rounds(1); round > 0; round--)
                run_on(procs, app, NULL);
        }
    return 0;
}
