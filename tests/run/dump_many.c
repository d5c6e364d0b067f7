/* SPDX-License-Identifier: MIT */
/*
 * A dump of very many different stacks ends, and counts them all. Each goroutine's way down is its number, bit by bit.
 *
 * test-labels: slow
 * test-traced: no
 */
#include "common.h"

enum { STACKS = 70000 };

static atomic_int arrived;

static int zero(uintptr_t way), one(uintptr_t way);

static int go_down(uintptr_t way)
{
    if (way > 1)
        return way & 1 ? one(way >> 1) : zero(way >> 1);
    arrived++;
    return rung_sleep(RUNG_FOREVER);
}

static __attribute__((__noinline__)) int zero(uintptr_t way)
{
    EXPECT_EQ(go_down(way), -ECANCELED);
    return -ECANCELED;
}

static __attribute__((__noinline__)) int one(uintptr_t way)
{
    EXPECT_EQ(go_down(way), -ECANCELED);
    return -ECANCELED;
}

static int descend(void *arg)
{
    return go_down((uintptr_t)arg);
}

static int app(void *arg)
{
    const int stacks = (int)test_scaled(STACKS);
    (void)arg;
    for (int i = 0; i < stacks; i++)
        go(descend, (void *)(uintptr_t)(i + 2));
    while (arrived < stacks)
        rung_yield();
    char *dump = dump_text();
    EXPECT_EQ(atoi(dump), stacks + 1);
    free(dump);
    return 0;
}

int main(void)
{
    run_on(2, app, NULL);
    return 0;
}
