/* SPDX-License-Identifier: MIT */
/* What a destructor of a goroutine-local value sets, of its own key or another, is destroyed, too. */
#include "common.h"

enum { GOROUTINES = 100 };

static rung_local first, second;
static atomic_int destroyed;

static void destroy_first(void *value)
{
    free(value);
    atomic_fetch_add(&destroyed, 1);
}

static void destroy_second(void *value)
{
    int *times = value;
    if (--*times > 0)
        EXPECT_EQ(rung_local_set(second, times), 0);
    else
        free(times);
    if (rung_local_get(first) == NULL)
        EXPECT_EQ(rung_local_set(first, malloc(1)), 0);
    atomic_fetch_add(&destroyed, 1);
}

static int uses_second(void *arg)
{
    int *times = malloc(sizeof *times);
    *times = 2;
    EXPECT_EQ(rung_local_set(second, times), 0);
    return arg != NULL;
}

static void *thread(void *arg)
{
    EXPECT_EQ(uses_second(NULL), 0);
    return arg;
}

static int app(void *arg)
{
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < GOROUTINES; i++)
        group_go(&group, uses_second, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    return arg != NULL;
}

int main(void)
{
    EXPECT_EQ(rung_local_open(&first, destroy_first), 0);
    EXPECT_EQ(rung_local_open(&second, destroy_second), 0);
    run_on(2, app, NULL);
    EXPECT_EQ(destroyed, 4 * GOROUTINES);
    thread_join(thread_start(thread, NULL));
    EXPECT_EQ(destroyed, 4 * GOROUTINES + 4);
    return 0;
}
