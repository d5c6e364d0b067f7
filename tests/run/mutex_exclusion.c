/* SPDX-License-Identifier: MIT */
/* A mutex keeps goroutines and plain threads apart, whichever way they take it, and loses no update. */
#include "common.h"

enum { GOROUTINES = 8, THREADS = 3, TURNS = 3000 };

static rung_mutex mutex;
static int is_inside; /* under mutex */
static long counter;  /* under mutex */

static void take_turns(uint64_t seed)
{
    uint64_t state = test_seed() + seed;
    for (int turn = 0; turn < TURNS;) {
        switch (test_random(&state) % 3) {
        case 0:
            rung_mutex_lock(&mutex);
            break;
        case 1:
            EXPECT_EQ(rung_mutex_lock_scoped(&mutex), 0);
            break;
        default:
            if (!rung_mutex_try_lock(&mutex)) {
                rung_yield();
                continue;
            }
        }
        EXPECT_EQ(is_inside++, 0);
        counter++;
        if (test_random(&state) % 16 == 0)
            rung_yield(); /* parks, or goes on elsewhere, with the lock held */
        EXPECT_EQ(--is_inside, 0);
        rung_mutex_unlock(&mutex);
        turn++;
    }
}

static int goroutine(void *arg)
{
    take_turns((uintptr_t)arg);
    return 0;
}

static void *thread(void *arg)
{
    take_turns((uintptr_t)arg);
    return NULL;
}

static int app(void *arg)
{
    (void)arg;
    pthread_t threads[THREADS];
    rung_group group;
    counter = 0;
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < GOROUTINES; i++)
        group_go(&group, goroutine, (void *)i);
    for (uintptr_t i = 0; i < THREADS; i++)
        threads[i] = thread_start(thread, (void *)(100 + i));
    EXPECT_EQ(rung_group_wait(&group), 0);
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    EXPECT_EQ(counter, (GOROUTINES + THREADS) * TURNS);
    EXPECT(rung_mutex_try_lock(&mutex));
    rung_mutex_unlock(&mutex);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    run_on(8, app, NULL);
    return 0;
}
