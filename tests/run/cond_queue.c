/* SPDX-License-Identifier: MIT */
/* A bounded queue of a mutex and two conds, between goroutines and plain threads, loses nothing. */
#include "common.h"

enum { SIZE = 4, ITEMS = 2000 };

static rung_mutex mutex;
static rung_cond not_full, not_empty;
static int queue[SIZE], length; /* under mutex */
static atomic_llong sum;

static void put_all(void)
{
    for (int i = 1; i <= ITEMS; i++) {
        rung_mutex_lock(&mutex);
        while (length == SIZE)
            EXPECT_EQ(rung_cond_wait(&not_full, &mutex), 0);
        queue[length++] = i;
        rung_cond_signal(&not_empty);
        rung_mutex_unlock(&mutex);
    }
}

static void take_all(void)
{
    for (int i = 1; i <= ITEMS; i++) {
        rung_mutex_lock(&mutex);
        while (length == 0)
            EXPECT_EQ(rung_cond_wait(&not_empty, &mutex), 0);
        atomic_fetch_add(&sum, queue[--length]);
        rung_cond_signal(&not_full);
        rung_mutex_unlock(&mutex);
    }
}

static int goroutine(void *is_putter)
{
    (is_putter != NULL ? put_all : take_all)();
    return 0;
}

static void *thread(void *is_putter)
{
    goroutine(is_putter);
    return NULL;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    atomic_store(&sum, 0);
    rung_group_open(&group, RUNG_FOREVER);
    pthread_t putter = thread_start(thread, queue), taker = thread_start(thread, NULL);
    for (int i = 0; i < 3; i++) {
        group_go(&group, goroutine, queue);
        group_go(&group, goroutine, NULL);
    }
    EXPECT_EQ(rung_group_wait(&group), 0);
    thread_join(putter);
    thread_join(taker);
    EXPECT_EQ(length, 0);
    EXPECT_EQ(sum, 4LL * ITEMS * (ITEMS + 1) / 2);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
