/* SPDX-License-Identifier: MIT */
/* A goroutine that holds the mutex nearly all the time does not keep others out for ever. */
#include "common.h"

static rung_mutex mutex;
static atomic_int is_over;

static int holder(void *is_sleeper)
{
    while (!atomic_load(&is_over)) {
        rung_mutex_lock(&mutex);
        if (is_sleeper != NULL)
            EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(100)), 0);
        else
            for (int64_t end = rung_now() + RUNG_MICROSECONDS(100); rung_now() < end;)
                continue;
        rung_mutex_unlock(&mutex);
    }
    return 0;
}

static int app(void *is_sleeper)
{
    rung_group group;
    atomic_store(&is_over, 0);
    rung_group_open(&group, RUNG_FOREVER); /* it takes some 15 ms */
    group_go(&group, holder, is_sleeper);
    group_go(&group, holder, is_sleeper);
    for (int i = 0; i < 20; i++) {
        EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(100)), 0);
        EXPECT_EQ(rung_mutex_lock_scoped(&mutex), 0);
        rung_mutex_unlock(&mutex);
    }
    atomic_store(&is_over, 1);
    EXPECT_EQ(rung_group_wait(&group), 0);
    return 0;
}

int main(void)
{
    for (int procs = 1; procs <= 4; procs += 3) {
        run_on(procs, app, NULL);
        run_on(procs, app, app);
    }
    return 0;
}
