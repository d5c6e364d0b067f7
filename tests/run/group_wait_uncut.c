/* SPDX-License-Identifier: MIT */
/* The wait cannot be cut short: ended from outside, it still waits for goroutines that clean up. */
#include "common.h"

static atomic_int cleaned_up;

static int cleans_up(void *arg)
{
    (void)arg;
    rung_scope shield;
    EXPECT(rung_sleep(RUNG_FOREVER) < 0);
    rung_shield_open(&shield, RUNG_FOREVER);
    EXPECT_EQ(rung_sleep(MS(5)), 0);
    EXPECT_EQ(rung_scope_close(&shield), 0);
    atomic_fetch_add(&cleaned_up, 1);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    for (int how = 0; how < 3; how++) {
        rung_scope outer;
        rung_group group;
        int started = 0;
        atomic_store(&cleaned_up, 0);
        rung_scope_open(&outer, how == 0 ? MS(2) : RUNG_FOREVER);
        rung_group_open(&group, how == 1 ? MS(2) : RUNG_FOREVER);
        for (int i = 0; i < 10; i++)
            started += rung_group_go(&group, cleans_up, NULL) == 0; /* the deadline may come between */
        if (how == 2)
            rung_scope_cancel(&outer);
        EXPECT_EQ(rung_group_wait(&group), how == 2 ? -ECANCELED : -ETIMEDOUT);
        EXPECT_EQ(cleaned_up, started);
        EXPECT_EQ(rung_scope_close(&outer), how == 0 ? -ETIMEDOUT : how == 1 ? 0 : -ECANCELED);
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
