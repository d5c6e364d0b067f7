/* SPDX-License-Identifier: MIT */
/* Plain threads park in select, beside goroutines that do, and every item is received once. */
#include "common.h"

enum { CHANNELS = 5, ITEMS = 2500 };

static rung_chan *chans[CHANNELS];
static atomic_llong sum, count;

static void receive_all(void)
{
    int items[CHANNELS], open = CHANNELS;
    rung_case cases[CHANNELS];
    for (int i = 0; i < CHANNELS; i++)
        cases[i] = (rung_case)RUNG_CASE_RECV(chans[i], &items[i]);
    while (open > 0) {
        int chosen = rung_select(cases, CHANNELS);
        EXPECT(chosen >= 0);
        if (cases[chosen].result == 1) {
            atomic_fetch_add(&sum, items[chosen]);
            atomic_fetch_add(&count, 1);
        } else {
            EXPECT_EQ(cases[chosen].result, 0);
            cases[chosen].chan = NULL;
            open--;
        }
    }
}

static void *thread(void *arg)
{
    (void)arg;
    receive_all();
    return NULL;
}

static int receiver(void *arg)
{
    (void)arg;
    receive_all();
    return 0;
}

static int sender(void *chan)
{
    for (int i = 0; i < ITEMS; i++)
        send_int(chan, i);
    rung_chan_close(chan);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    pthread_t threads[3];
    for (int i = 0; i < CHANNELS; i++)
        chans[i] = chan_open(sizeof(int), (size_t)i / 2);
    for (int i = 0; i < 3; i++)
        threads[i] = thread_start(thread, NULL);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 2; i++)
        group_go(&group, receiver, NULL);
    for (int i = 0; i < CHANNELS; i++)
        group_go(&group, sender, chans[i]);
    EXPECT_EQ(rung_group_wait(&group), 0);
    for (int i = 0; i < 3; i++)
        thread_join(threads[i]);
    EXPECT_EQ(count, CHANNELS * ITEMS);
    EXPECT_EQ(sum, (long long)CHANNELS * ITEMS * (ITEMS - 1) / 2);
    for (int i = 0; i < CHANNELS; i++)
        rung_chan_free(chans[i]);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
