/* SPDX-License-Identifier: MIT */
/* 10,000 goroutines in one group: all run, all are waited for; and so again when it is cancelled. */
#include "common.h"

static atomic_int count;

static int counts(void *arg)
{
    (void)arg;
    atomic_fetch_add(&count, 1);
    return 0;
}

static int waits(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
    atomic_fetch_add(&count, 1);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    atomic_store(&count, 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 10000; i++)
        group_go(&group, counts, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(count, 10000);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 10000; i++)
        group_go(&group, waits, NULL);
    EXPECT_EQ(rung_sleep(MS(5)), 0);
    rung_group_cancel(&group);
    EXPECT_EQ(rung_group_wait(&group), -ECANCELED);
    EXPECT_EQ(count, 20000);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
