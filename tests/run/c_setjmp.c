/* SPDX-License-Identifier: MIT */
/* setjmp and longjmp within one goroutine work, with parks and migrations between them. */
#include "common.h"

#include <setjmp.h>

static int deep(jmp_buf target, int depth)
{
    if (depth % 5 == 0)
        rung_yield();
    if (depth == 0)
        longjmp(target, 42);
    return depth > 0 ? deep(target, depth - 1) + depth : 0;
}

static int jumps(void *arg)
{
    jmp_buf target;
    for (volatile int i = 0; i < 50; i++) {
        int value = setjmp(target);
        if (value == 0) {
            (void)rung_sleep(500);
            EXPECT_EQ(deep(target, 20 + (int)(uintptr_t)arg), -1); /* never comes back */
        }
        EXPECT_EQ(value, 42);
        rung_yield();
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < 20; i++)
        group_go(&group, jumps, (void *)i);
    return rung_group_wait(&group);
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
