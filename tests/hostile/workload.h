/* SPDX-License-Identifier: MIT */
/*
 * workload.h: a program that uses a little of everything and counts all of it, to be run where
 * something is scarce: what a goroutine sent must arrive, who was started must end.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include "run/common.h"

enum { RING = 20, LAPS = 50, LOCKERS = 8, LOCKS = 300, STORM = 2000, SOURCES = 6, ITEMS = 40 };

static rung_mutex work_mutex;
static long work_locked;         /* under work_mutex */
static atomic_long work_stormed;
static rung_waitgroup work_storm;
static rung_chan *work_ring[RING], *work_sources[SOURCES];

static inline int work_pass_on(void *arg)
{
    size_t place = (size_t)(uintptr_t)arg;
    for (int lap = 0; lap < LAPS; lap++)
        send_int(work_ring[(place + 1) % RING], recv_int(work_ring[place]) + 1);
    return 0;
}

static inline int work_lock(void *arg)
{
    for (int i = 0; i < LOCKS; i++) {
        rung_mutex_lock(&work_mutex);
        long seen = work_locked;
        if (i % 16 == 0)
            rung_yield();
        work_locked = seen + 1;
        rung_mutex_unlock(&work_mutex);
    }
    return arg != NULL;
}

static inline int work_one_of_many(void *arg)
{
    (void)arg;
    atomic_fetch_add(&work_stormed, 1);
    rung_waitgroup_done(&work_storm);
    return 0;
}

static inline int work_start_many(void *arg)
{
    for (int i = 0; i < STORM; i++)
        go(work_one_of_many, arg);
    return rung_waitgroup_wait(&work_storm);
}

static inline int work_source(void *chan)
{
    for (int i = 1; i <= ITEMS; i++) {
        send_int(chan, i);
        if (i % 8 == 0)
            EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(100)), 0);
    }
    rung_chan_close(chan);
    return 0;
}

/* Receives from all sources by select, beside a ticker, until each is closed. */
static inline int work_merge(void *arg)
{
    rung_case cases[SOURCES + 1];
    rung_timer *ticker;
    int item, sum = 0, open = SOURCES;
    EXPECT_EQ(rung_timer_open(&ticker, 0, RUNG_MICROSECONDS(300)), 0);
    for (int i = 0; i < SOURCES; i++)
        cases[i] = (rung_case)RUNG_CASE_RECV(work_sources[i], &item);
    cases[SOURCES] = (rung_case)RUNG_CASE_RECV(rung_timer_chan(ticker), NULL);
    while (open > 0) {
        int chosen = rung_select(cases, SOURCES + 1);
        EXPECT(chosen >= 0);
        if (chosen == SOURCES)
            continue;
        if (cases[chosen].result == 1) {
            sum += item;
        } else {
            cases[chosen].chan = NULL;
            open--;
        }
    }
    EXPECT_EQ(sum, SOURCES * ITEMS * (ITEMS + 1) / 2);
    EXPECT_EQ(rung_recv(rung_timer_chan(ticker), NULL), 1); /* it ticks on */
    rung_timer_close(ticker);
    return arg != NULL;
}

/* Keeps a processor for longer than a slice, and never calls rung meanwhile. */
static inline int work_hog(void *arg)
{
    for (int i = 0; i < 3; i++) {
        int64_t end = rung_now() + MS(15);
        while (rung_now() < end)
            continue;
        rung_yield();
    }
    return arg != NULL;
}

/* Blocks its thread in the kernel, with and without a word of it. */
static inline int work_block(void *arg)
{
    for (int i = 0; i < 5; i++) {
        struct timespec short_time = {0, 2000000};
        if (i % 2 == 0)
            rung_blocking_begin();
        nanosleep(&short_time, NULL);
        if (i % 2 == 0)
            rung_blocking_end();
    }
    return arg != NULL;
}

static inline int work_deadline(void *arg)
{
    rung_scope scope;
    for (int i = 0; i < 20; i++) {
        rung_scope_open(&scope, RUNG_MICROSECONDS(500));
        EXPECT_EQ(rung_recv(NULL, NULL), -ETIMEDOUT);
        EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    }
    return arg != NULL;
}

static inline void work_open(void)
{
    for (int i = 0; i < RING; i++)
        work_ring[i] = chan_open(sizeof(int), i % 2 == 0 ? 1 : 0);
    for (int i = 0; i < SOURCES; i++)
        work_sources[i] = chan_open(sizeof(int), (size_t)i);
    work_locked = 0;
    work_stormed = 0;
    rung_waitgroup_add(&work_storm, STORM);
}

static inline void work_close(void)
{
    EXPECT_EQ(work_locked, LOCKERS * LOCKS);
    EXPECT_EQ(work_stormed, STORM);
    EXPECT_EQ(recv_int(work_ring[0]), RING * LAPS);
    for (int i = 0; i < RING; i++)
        rung_chan_free(work_ring[i]);
    for (int i = 0; i < SOURCES; i++)
        rung_chan_free(work_sources[i]);
}

/* All of it, once, as an ordinary call. */
static inline void work(void)
{
    rung_group group;
    work_open();
    rung_group_open(&group, RUNG_FOREVER);
    for (size_t i = 0; i < RING; i++)
        group_go(&group, work_pass_on, (void *)i);
    for (int i = 0; i < LOCKERS; i++)
        group_go(&group, work_lock, NULL);
    for (int i = 0; i < SOURCES; i++)
        group_go(&group, work_source, work_sources[i]);
    group_go(&group, work_merge, NULL);
    group_go(&group, work_start_many, NULL);
    for (int i = 0; i < 2; i++) {
        group_go(&group, work_hog, NULL);
        group_go(&group, work_block, NULL);
        group_go(&group, work_deadline, NULL);
    }
    send_int(work_ring[0], 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    work_close();
}

static inline int work_app(void *arg)
{
    work();
    return arg != NULL;
}

#endif
