/* SPDX-License-Identifier: MIT */
/* Groups nest: an inner error stays inside unless passed on; an outer end reaches the innermost goroutine. */
#include "common.h"

static atomic_int ended;

static int waits(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
    atomic_fetch_add(&ended, 1);
    return 0;
}

static int fails(void *arg)
{
    (void)arg;
    return -ENOSPC;
}

static int keeps_error(void *arg)
{
    (void)arg;
    rung_group inner;
    rung_group_open(&inner, RUNG_FOREVER);
    group_go(&inner, waits, NULL);
    (void)rung_group_go(&inner, fails, NULL);
    EXPECT_EQ(rung_group_wait(&inner), -ENOSPC);
    EXPECT_EQ(rung_sleep(MS(1)), 0);
    return 0;
}

static int passes_error(void *arg)
{
    (void)arg;
    rung_group inner;
    rung_group_open(&inner, RUNG_FOREVER);
    group_go(&inner, fails, NULL);
    return rung_group_wait(&inner);
}

static int three_deep(void *depth)
{
    rung_group inner;
    if (depth == NULL)
        return waits(NULL);
    rung_group_open(&inner, RUNG_FOREVER);
    for (int i = 0; i < 3; i++)
        group_go(&inner, three_deep, (void *)((uintptr_t)depth - 1));
    EXPECT_EQ(rung_group_wait(&inner), -ECANCELED);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group outer;
    atomic_store(&ended, 0);
    rung_group_open(&outer, RUNG_FOREVER);
    for (int i = 0; i < 5; i++)
        group_go(&outer, keeps_error, NULL);
    EXPECT_EQ(rung_group_wait(&outer), 0);
    EXPECT_EQ(ended, 5);

    rung_group_open(&outer, RUNG_FOREVER);
    group_go(&outer, waits, NULL);
    group_go(&outer, passes_error, NULL);
    EXPECT_EQ(rung_group_wait(&outer), -ENOSPC);
    EXPECT_EQ(ended, 6);

    rung_group_open(&outer, RUNG_FOREVER);
    group_go(&outer, three_deep, (void *)3);
    wait_parked("sleep", 27);
    rung_group_cancel(&outer);
    EXPECT_EQ(rung_group_wait(&outer), -ECANCELED);
    EXPECT_EQ(ended, 6 + 27);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
