/* SPDX-License-Identifier: MIT */
/* Many readers and writers, goroutines and threads: never a writer beside anybody, and all get through. */
#include "common.h"

static rung_rwmutex rwmutex;
static atomic_int activity; /* readers + 10,000 * writers */
static int turns;

static void read_turns(uint64_t *state)
{
    for (int i = 0; i < turns; i++) {
        rung_scope scope;
        rung_rwmutex_read_lock(&rwmutex);
        int now = atomic_fetch_add(&activity, 1) + 1;
        EXPECT(now >= 1 && now < 10000);
        if (test_random(state) % 8 == 0)
            rung_yield();
        atomic_fetch_sub(&activity, 1);
        rung_rwmutex_read_unlock(&rwmutex);
        if (rung_id() == 0)
            continue;
        rung_scope_open(&scope, (int64_t)(test_random(state) % 20000));
        if (rung_rwmutex_read_lock_scoped(&rwmutex) == 0) {
            EXPECT(atomic_load(&activity) < 10000);
            rung_rwmutex_read_unlock(&rwmutex);
        }
        (void)rung_scope_close(&scope);
    }
}

static void write_turns(uint64_t *state)
{
    for (int i = 0; i < turns; i++) {
        rung_rwmutex_lock(&rwmutex);
        EXPECT_EQ(atomic_fetch_add(&activity, 10000), 0);
        if (test_random(state) % 8 == 0)
            rung_yield();
        EXPECT_EQ(atomic_fetch_sub(&activity, 10000), 10000);
        rung_rwmutex_unlock(&rwmutex);
        if (rung_rwmutex_try_lock(&rwmutex)) {
            EXPECT_EQ(atomic_load(&activity), 0);
            rung_rwmutex_unlock(&rwmutex);
        }
    }
}

static int goroutine(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    ((uintptr_t)arg % 5 == 0 ? write_turns : read_turns)(&state);
    return 0;
}

static void *thread(void *arg)
{
    goroutine(arg);
    return NULL;
}

static int app(void *readers_and_writers)
{
    rung_group group;
    turns = rounds(300);
    rung_group_open(&group, RUNG_FOREVER);
    pthread_t reader = thread_start(thread, (void *)1001), writer = thread_start(thread, (void *)1000);
    for (uintptr_t i = 0; i < (uintptr_t)readers_and_writers; i++)
        group_go(&group, goroutine, (void *)i);
    EXPECT_EQ(rung_group_wait(&group), 0);
    thread_join(reader);
    thread_join(writer);
    EXPECT_EQ(activity, 0);
    EXPECT(rung_rwmutex_try_lock(&rwmutex));
    rung_rwmutex_unlock(&rwmutex);
    return 0;
}

int main(void)
{
    run_on(1, app, (void *)3);
    run_on(1, app, (void *)12);
    run_on(4, app, (void *)3);
    run_on(4, app, (void *)12);
    run_on(10, app, (void *)12);
    return 0;
}
