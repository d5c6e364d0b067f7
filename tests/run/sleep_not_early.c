/* SPDX-License-Identifier: MIT */
/* A sleep never ends early, for short and long ones, alone and under load. */
#include "common.h"

static atomic_int is_over;

static int busy(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over))
        rung_yield();
    return 0;
}

static int sleeper(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    for (int i = 0; i < 30; i++) {
        int64_t duration = (int64_t)(test_random(&state) % (uint64_t)(i % 10 ? 300000 : MS(10)));
        int64_t start = rung_now();
        EXPECT_EQ(rung_sleep(duration), 0);
        EXPECT(rung_now() - start >= duration);
    }
    return 0;
}

static int app(void *is_loaded)
{
    rung_group group;
    atomic_store(&is_over, 0);
    if (is_loaded != NULL)
        for (int i = 0; i < 4; i++)
            go(busy, NULL);
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < 50; i++)
        group_go(&group, sleeper, (void *)i);
    EXPECT_EQ(rung_group_wait(&group), 0);
    atomic_store(&is_over, 1);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, app);
    run_on(4, app, app);
    return 0;
}
