/* SPDX-License-Identifier: MIT */
/* Pinned goroutines that yield to each other all the time: each processor that is sent to a thread is noticed there. */
#include "common.h"

enum { GOROUTINES = 6, YIELDS = 20000 };

static int yielder(void *arg)
{
    (void)arg;
    rung_pin();
    for (int i = 0; i < test_scaled(YIELDS); i++)
        rung_yield();
    rung_unpin();
    return 0;
}

static int app(void *arg)
{
    rung_group group;
    (void)arg;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < GOROUTINES; i++)
        EXPECT_EQ(rung_group_go(&group, yielder, NULL), 0);
    return rung_group_wait(&group);
}

int main(void)
{
    run_on(4, app, NULL);
    return 0;
}
