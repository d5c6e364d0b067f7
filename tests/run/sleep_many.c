/* SPDX-License-Identifier: MIT */
/* 10,000 goroutines sleep at once, for random times; each wakes once, and not early. */
#include "common.h"

static atomic_int woken;

static int sleeper(void *arg)
{
    int64_t duration = (int64_t)(uintptr_t)arg, start = rung_now();
    EXPECT_EQ(rung_sleep(duration), 0);
    EXPECT(rung_now() - start >= duration);
    atomic_fetch_add(&woken, 1);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    uint64_t state = test_seed();
    rung_group group;
    atomic_store(&woken, 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 10000; i++)
        group_go(&group, sleeper, (void *)(uintptr_t)(test_random(&state) % (uint64_t)MS(300)));
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(woken, 10000);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
