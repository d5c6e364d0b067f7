/* SPDX-License-Identifier: MIT */
/* Plain threads and goroutines send to each other, both ways and at random, and nothing is lost. */
#include "common.h"

enum { THREADS = 3, GOROUTINES = 3, ITEMS = 1200 };

static rung_chan *to_goroutines, *to_threads;
static atomic_llong sum_in, sum_out, count_out;

static void pause_at_random(uint64_t *state)
{
    uint64_t choice = test_random(state) % 64;
    if (choice == 0)
        EXPECT_EQ(rung_sleep((int64_t)(test_random(state) % 100000)), 0);
    else if (choice < 8)
        rung_yield();
}

/* Sends ITEMS on one channel, takes what comes on the other whenever it cannot. */
static void exchange(rung_chan *out, rung_chan *in, uint64_t *state)
{
    for (int sent = 0, got; sent < ITEMS;) {
        int value = (int)(test_random(state) % 1000);
        rung_case cases[] = {RUNG_CASE_SEND(out, &value), RUNG_CASE_RECV(in, &got)};
        int chosen = test_random(state) % 2 ? rung_select(cases, 2) : rung_try_select(cases, 2);
        if (chosen == 0) {
            EXPECT_EQ(cases[0].result, 0);
            atomic_fetch_add(&sum_in, value);
            sent++;
        } else if (chosen == 1) {
            EXPECT_EQ(cases[1].result, 1);
            atomic_fetch_add(&sum_out, got);
            atomic_fetch_add(&count_out, 1);
        } else {
            EXPECT_EQ(chosen, -EAGAIN);
        }
        pause_at_random(state);
    }
}

static void drain(rung_chan *in)
{
    int value;
    while (rung_recv(in, &value) == 1) {
        atomic_fetch_add(&sum_out, value);
        atomic_fetch_add(&count_out, 1);
    }
}

static rung_waitgroup all_sent;

static void *thread(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    exchange(to_goroutines, to_threads, &state);
    rung_waitgroup_done(&all_sent);
    drain(to_threads);
    return NULL;
}

static int goroutine(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    exchange(to_threads, to_goroutines, &state);
    rung_waitgroup_done(&all_sent);
    drain(to_goroutines);
    return 0;
}

static int app(void *arg)
{
    size_t capacity = *(size_t *)arg;
    pthread_t threads[THREADS];
    rung_group group;
    to_goroutines = chan_open(sizeof(int), capacity);
    to_threads = chan_open(sizeof(int), capacity);
    rung_waitgroup_add(&all_sent, THREADS + GOROUTINES);
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < GOROUTINES; i++)
        group_go(&group, goroutine, (void *)(i + 100));
    for (uintptr_t i = 0; i < THREADS; i++)
        threads[i] = thread_start(thread, (void *)(i + 200));
    EXPECT_EQ(rung_waitgroup_wait(&all_sent), 0);
    rung_chan_close(to_goroutines);
    rung_chan_close(to_threads);
    EXPECT_EQ(rung_group_wait(&group), 0);
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]); /* blocks the thread: allowed */
    rung_chan_free(to_goroutines);
    rung_chan_free(to_threads);
    return 0;
}

int main(void)
{
    for (size_t capacity = 0; capacity < 9; capacity += 4) {
        atomic_store(&sum_in, 0);
        atomic_store(&sum_out, 0);
        atomic_store(&count_out, 0);
        run_on(2, app, &capacity);
        EXPECT_EQ(count_out, (THREADS + GOROUTINES) * ITEMS);
        EXPECT_EQ(sum_in, sum_out);
    }
    return 0;
}
