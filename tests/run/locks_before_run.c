/* SPDX-License-Identifier: MIT */
/* Zeroed locks work among plain threads with no rung_run at all, and go on working within one. */
#include "common.h"

static rung_mutex mutex;
static rung_rwmutex rwmutex;
static rung_cond cond;
static rung_sema sema;
static rung_waitgroup waitgroup;
static rung_once once;
static long counter; /* under mutex and rwmutex */
static int is_go;    /* under mutex */

static void count(void *arg)
{
    (void)arg;
    counter++;
}

static void *worker(void *arg)
{
    rung_mutex_lock(&mutex);
    while (!is_go)
        EXPECT_EQ(rung_cond_wait(&cond, &mutex), 0);
    rung_mutex_unlock(&mutex);
    rung_once_do(&once, count, NULL);
    for (int i = 0; i < 2000; i++) {
        EXPECT_EQ(rung_sema_acquire(&sema, 1), 0);
        rung_rwmutex_read_lock(&rwmutex);
        rung_mutex_lock(&mutex);
        counter++;
        rung_mutex_unlock(&mutex);
        rung_rwmutex_read_unlock(&rwmutex);
        rung_rwmutex_lock(&rwmutex);
        counter++;
        rung_rwmutex_unlock(&rwmutex);
        rung_sema_release(&sema, 1);
    }
    rung_waitgroup_done(&waitgroup);
    return arg;
}

static int worker_goroutine(void *arg)
{
    return worker(arg) != NULL;
}

static void prepare(void)
{
    counter = is_go = 0;
    memset(&once, 0, sizeof once);
    rung_waitgroup_add(&waitgroup, 4);
}

static void start_and_wait(void)
{
    rung_mutex_lock(&mutex);
    is_go = 1;
    rung_cond_broadcast(&cond);
    rung_mutex_unlock(&mutex);
    EXPECT_EQ(rung_waitgroup_wait(&waitgroup), 0);
    EXPECT_EQ(counter, 1 + 4 * 2 * 2000);
}

static int app(void *arg)
{
    (void)arg;
    prepare();
    for (int i = 0; i < 4; i++)
        go(worker_goroutine, NULL);
    start_and_wait();
    return 0;
}

int main(void)
{
    pthread_t threads[4];
    rung_statistics before, after;
    rung_sema_release(&sema, 3);
    prepare();
    for (int i = 0; i < 4; i++)
        threads[i] = thread_start(worker, NULL);
    start_and_wait();
    for (int i = 0; i < 4; i++)
        thread_join(threads[i]);
    rung_statistics_read(&before);
    run_on(4, app, NULL);
    rung_statistics_read(&after);
    EXPECT_EQ(before.membarrier, after.membarrier); /* else a lock taken by the one kind would be given back by the other */
    return 0;
}
