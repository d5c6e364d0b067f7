/* SPDX-License-Identifier: MIT */
/* Goroutines of a group, and plain threads, add more to it; the wait is for all of them. */
#include "common.h"

static rung_group group;
static atomic_int count;

static int grow(void *depth)
{
    atomic_fetch_add(&count, 1);
    if (depth == NULL)
        return rung_sleep(RUNG_MICROSECONDS(10));
    for (int i = 0; i < 2; i++)
        group_go(&group, grow, (void *)((uintptr_t)depth - 1));
    return 0;
}

static void *grow_from_thread(void *arg)
{
    group_go(&group, grow, (void *)6);
    return arg;
}

static int app(void *arg)
{
    (void)arg;
    atomic_store(&count, 0);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, grow, (void *)10);
    pthread_t thread = thread_start(grow_from_thread, NULL);
    thread_join(thread);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(count, 2047 + 127);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
