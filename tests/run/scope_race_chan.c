/* SPDX-License-Identifier: MIT */
/*
 * Sends, receives and selects that race with the end of their scope: an item is sent and received
 * exactly once if the call said so, and not at all if it gave an error.
 */
#include "scope_race.h"

static rung_chan *chan, *silent;
static atomic_llong sent, sent_sum, received, received_sum;

static void count_sent(int result, int item)
{
    EXPECT(result == 0 || result == -ECANCELED || result == -ETIMEDOUT);
    if (result == 0) {
        atomic_fetch_add(&sent, 1);
        atomic_fetch_add(&sent_sum, item);
    }
}

static void count_received(int result, int item)
{
    EXPECT(result == 1 || (item == -7 && (result == -ECANCELED || result == -ETIMEDOUT)));
    if (result == 1) {
        atomic_fetch_add(&received, 1);
        atomic_fetch_add(&received_sum, item);
    }
}

static int hasty(void *arg)
{
    uint64_t state = rung_id() * 7919;
    int kind = (int)(uintptr_t)arg, item = (int)(test_random(&state) % 1000), in = -7;
    if (kind == 0) {
        count_sent(rung_send(chan, &item), item);
    } else if (kind == 1) {
        int result = rung_recv(chan, &in);
        count_received(result, in);
    } else {
        rung_case cases[] = {RUNG_CASE_RECV(silent, NULL), RUNG_CASE_SEND(chan, &item)};
        if (kind == 3)
            cases[1] = (rung_case)RUNG_CASE_RECV(chan, &in);
        int chosen = rung_select(cases, 2), result = chosen == 1 ? cases[1].result : chosen;
        EXPECT(chosen != 0);
        if (kind == 2)
            count_sent(result, item);
        else
            count_received(result, in);
    }
    return 0;
}

/* The patient other side: sends, or receives, until the run ends. */
static int patient(void *arg)
{
    for (int i = 0;; i++) {
        int in = -7, is_sender = (uintptr_t)arg % 2 == 1;
        int result = is_sender ? rung_send(chan, &i) : rung_recv(chan, &in);
        if (is_sender)
            count_sent(result, i);
        else
            count_received(result, in);
        if (result < 0)
            return 0;
        if (i % 5 == 0)
            rung_yield();
    }
}

static int racer(void *kind)
{
    struct race race = {.call = hasty, .arg = kind, .state = test_seed() + rung_id()};
    for (int i = rounds(ATTEMPTS / 6); i > 0; i--)
        race_once(&race);
    return 0;
}

static int app(void *arg)
{
    rung_group group;
    chan = chan_open(sizeof(int), *(size_t *)arg);
    silent = chan_open(sizeof(int), 0);
    for (uintptr_t kind = 0; kind < 4; kind++) {
        go(patient, (void *)kind);
        rung_group_open(&group, RUNG_FOREVER);
        for (int i = 0; i < RACERS; i++)
            group_go(&group, racer, (void *)kind);
        EXPECT_EQ(rung_group_wait(&group), 0);
    }
    return 0;
}

int main(void)
{
    for (size_t capacity = 0; capacity <= 2; capacity += 2)
        for (int procs = 1; procs <= 4; procs += 3) {
            int item;
            sent = sent_sum = received = received_sum = 0;
            run_on(procs, app, &capacity);
            while (rung_try_recv(chan, &item) == 1)
                count_received(1, item);
            EXPECT_EQ(sent, received);
            EXPECT_EQ(sent_sum, received_sum);
            EXPECT(sent > 0);
            rung_chan_free(chan);
            rung_chan_free(silent);
        }
    return 0;
}
