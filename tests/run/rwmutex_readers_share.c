/* SPDX-License-Identifier: MIT */
/* All readers hold the lock at one time: each waits, holding it, until the last one has it. */
#include "common.h"

enum { READERS = 30 };

static rung_rwmutex rwmutex;
static rung_waitgroup all_in;

static int reader(void *arg)
{
    (void)arg;
    rung_rwmutex_read_lock(&rwmutex);
    rung_waitgroup_done(&all_in);
    EXPECT_EQ(rung_waitgroup_wait(&all_in), 0);
    rung_rwmutex_read_unlock(&rwmutex);
    return 0;
}

static void *reading_thread(void *arg)
{
    reader(arg);
    return NULL;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_waitgroup_add(&all_in, READERS + 1);
    rung_rwmutex_lock(&rwmutex);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < READERS; i++)
        group_go(&group, reader, NULL);
    pthread_t thread = thread_start(reading_thread, NULL);
    wait_parked("sync", READERS / 2);
    rung_rwmutex_unlock(&rwmutex); /* lets in all who wait */
    EXPECT_EQ(rung_group_wait(&group), 0);
    thread_join(thread);
    EXPECT(rung_rwmutex_try_lock(&rwmutex));
    rung_rwmutex_unlock(&rwmutex);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
