/* SPDX-License-Identifier: MIT */
/*
 * On one processor two goroutines that keep each other runnable share one slice for ever; what waits in the global
 * queue, where a plain thread's goroutines go, still gets its turn after each slice, and not after 61 of them.
 */
#include "common.h"

#include "busy_processor.h"

enum { STARTS = 300 }; /* after 61 slices each they would take minutes */

static atomic_int ran;

static int runs(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ran, 1);
    return 0;
}

static void *starts(void *arg)
{
    for (int i = 0; i < STARTS; i++) {
        EXPECT_EQ(rung_go(runs, NULL), 0);
        while (atomic_load(&ran) == i)
            sched_yield();
    }
    atomic_store(&is_over, 1);
    return arg;
}

static int app(void *arg)
{
    rung_group group;
    busy_start(&group, 0);
    pthread_t thread = thread_start(starts, NULL);
    busy_wait(&group);
    thread_join(thread);
    return arg != NULL;
}

int main(void)
{
    run_on(1, app, NULL);
    return 0;
}
