/* SPDX-License-Identifier: MIT */
/*
 * Random programs: goroutines that send, receive, select, sleep, yield, lock, start others and give up
 * by scope, on random channels, under random numbers of processors. Every item sent is received or is
 * left in a buffer, by number and by sum.
 */
#include "common.h"

enum { CHANNELS = 12, WORKERS = 40, STEPS = 120 };

static rung_chan *chans[CHANNELS];
static atomic_llong sent, sent_sum, received, received_sum;
static rung_mutex mutex;
static int is_inside; /* under mutex */
static rung_sema sema;

static void count(int is_send, int result, int item)
{
    EXPECT(result == (is_send ? 0 : 1) || result == -ETIMEDOUT || result == -ECANCELED || result == -EAGAIN);
    if (result >= 0) {
        atomic_fetch_add(is_send ? &sent : &received, 1);
        atomic_fetch_add(is_send ? &sent_sum : &received_sum, item);
    }
}

static void select_some(uint64_t *state, int is_try)
{
    rung_case cases[20];
    int items[20];
    size_t total = 1 + test_random(state) % LENGTH(cases);
    for (size_t i = 0; i < total; i++) {
        items[i] = (int)(test_random(state) % 10000);
        rung_chan *chan = test_random(state) % 8 == 0 ? NULL : chans[test_random(state) % CHANNELS];
        cases[i] = (rung_case){chan, test_random(state) % 2 ? RUNG_SEND : RUNG_RECV, &items[i], 0};
    }
    int chosen = is_try ? rung_try_select(cases, total) : rung_select(cases, total);
    if (chosen >= 0)
        count(cases[chosen].operation == RUNG_SEND, cases[chosen].result, items[chosen]);
    else
        count(1, chosen, 0);
}

static int worker(void *arg);

static void step(uint64_t *state, int depth, rung_group *group)
{
    rung_chan *chan = chans[test_random(state) % CHANNELS];
    int item = (int)(test_random(state) % 10000), in = 0, result;
    switch (test_random(state) % 12) {
    case 0:
        count(1, rung_send(chan, &item), item);
        break;
    case 1:
        result = rung_recv(chan, &in);
        count(0, result, in);
        break;
    case 2:
        count(1, rung_try_send(chan, &item), item);
        break;
    case 3:
        result = rung_try_recv(chan, &in);
        count(0, result, in);
        break;
    case 4:
    case 5:
        select_some(state, 0);
        break;
    case 6:
        select_some(state, 1);
        break;
    case 7:
        (void)rung_sleep(item * 2);
        break;
    case 8:
        if (rung_mutex_lock_scoped(&mutex) == 0) {
            EXPECT_EQ(is_inside++, 0);
            if (item % 4 == 0)
                rung_yield();
            EXPECT_EQ(--is_inside, 0);
            rung_mutex_unlock(&mutex);
        }
        break;
    case 9:
        if (rung_sema_acquire(&sema, 1 + (unsigned)item % 3) == 0) {
            rung_yield();
            rung_sema_release(&sema, 1 + (unsigned)item % 3);
        }
        break;
    case 10:
        if (depth < 3 && item % 8 == 0) {
            result = rung_group_go(group, worker, (void *)(uintptr_t)(depth + 1));
            EXPECT(result == 0 || result == -ECANCELED);
        }
        break;
    default:
        rung_yield();
    }
}

static int worker(void *arg)
{
    uint64_t state = test_seed() + rung_id() * 1000003;
    int depth = (int)(uintptr_t)arg;
    rung_group group;
    rung_group_open(&group, RUNG_SECONDS(1000));
    for (int i = 0; i < STEPS; i++) {
        rung_scope scope;
        rung_scope_open(&scope, (int64_t)(test_random(&state) % 200000)); /* so that nobody waits for ever */
        for (uint64_t n = test_random(&state) % 4; n > 0; n--)
            step(&state, depth, &group);
        if (test_random(&state) % 16 == 0)
            rung_scope_cancel(&scope);
        (void)rung_scope_close(&scope);
    }
    if (test_random(&state) % 8 == 0)
        rung_group_cancel(&group);
    int error = rung_group_wait(&group);
    EXPECT(error == 0 || error == -ECANCELED);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    int item;
    rung_sema_release(&sema, 4);
    sent = sent_sum = received = received_sum = 0;
    for (size_t i = 0; i < CHANNELS; i++)
        chans[i] = chan_open(sizeof(int), i % 4 * i);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < WORKERS; i++)
        group_go(&group, worker, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    for (int i = 0; i < CHANNELS; i++) {
        while (rung_try_recv(chans[i], &item) == 1)
            count(0, 1, item);
        rung_chan_free(chans[i]);
    }
    EXPECT_EQ(sent, received);
    EXPECT_EQ(sent_sum, received_sum);
    EXPECT(rung_sema_try_acquire(&sema, 4));
    EXPECT(!rung_sema_try_acquire(&sema, 1));
    return 0;
}

int main(void)
{
    uint64_t state = test_seed();
    for (int round = rounds(5); round > 0; round--)
        run_on(2 + (int)(test_random(&state) % 15), app, NULL);
    return 0;
}
