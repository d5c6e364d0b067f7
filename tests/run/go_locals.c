/* SPDX-License-Identifier: MIT */
/* Goroutine-local values: each goroutine has its own, destroyed at its end, on it; 64 keys and no more. */
#include "common.h"

static rung_local counted, plain;
static atomic_int destroyed;

static void destroy(void *value)
{
    EXPECT_EQ((uintptr_t)value, rung_id()); /* on the goroutine itself */
    (void)rung_sleep(1);
    atomic_fetch_add(&destroyed, 1);
}

static int uses_locals(void *arg)
{
    EXPECT(rung_local_get(counted) == NULL); /* also on a stack used before */
    EXPECT(rung_local_get(plain) == NULL);
    EXPECT_EQ(rung_local_set(counted, (void *)(uintptr_t)rung_id()), 0);
    EXPECT_EQ(rung_local_set(plain, arg), 0);
    for (int i = 0; i < 20; i++) {
        rung_yield();
        EXPECT_EQ((uintptr_t)rung_local_get(counted), rung_id());
        EXPECT(rung_local_get(plain) == arg);
    }
    if ((uintptr_t)arg % 4 == 0)
        EXPECT_EQ(rung_local_set(counted, NULL), 0); /* nothing to destroy */
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    for (int round = 0; round < 5; round++) {
        rung_group group;
        atomic_store(&destroyed, 0);
        rung_group_open(&group, RUNG_FOREVER);
        for (uintptr_t i = 1; i <= 200; i++)
            group_go(&group, uses_locals, (void *)i);
        EXPECT_EQ(rung_group_wait(&group), 0);
        while (atomic_load(&destroyed) < 150)
            EXPECT_EQ(rung_sleep(MS(1)), 0);
        EXPECT_EQ(destroyed, 150);
    }
    return 0;
}

static int fill_keys(void *arg)
{
    (void)arg;
    rung_local keys[64], extra;
    for (int i = 2; i < 64; i++) {
        EXPECT_EQ(rung_local_open(&keys[i], NULL), 0);
        EXPECT_EQ(rung_local_set(keys[i], &keys[i]), 0);
    }
    EXPECT_EQ(rung_local_open(&extra, NULL), -EAGAIN);
    for (int i = 2; i < 64; i++)
        EXPECT(rung_local_get(keys[i]) == &keys[i]);
    EXPECT_EQ(rung_local_set(64, &extra), -EINVAL);
    EXPECT_EQ(rung_local_set(UINT32_MAX, &extra), -EINVAL);
    return 0;
}

int main(void)
{
    EXPECT_EQ(rung_local_open(&counted, destroy), 0);
    EXPECT_EQ(rung_local_open(&plain, NULL), 0);
    EXPECT(counted != plain);
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    run_on(2, fill_keys, NULL);
    return 0;
}
