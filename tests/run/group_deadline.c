/* SPDX-License-Identifier: MIT */
/* A group's deadline ends its goroutines, not early, and is what the wait gives back. */
#include "common.h"

static int waits(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ETIMEDOUT);
    return 0;
}

static int waits_and_says_so(void *arg)
{
    (void)arg;
    return rung_sleep(RUNG_FOREVER);
}

static int never_runs_long(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(0), -ETIMEDOUT);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_function *const functions[] = {waits, waits_and_says_so};
    for (int i = 0; i < 4; i++) {
        int64_t start = rung_now();
        rung_group_open(&group, MS(10));
        for (int j = 0; j < 10; j++)
            (void)rung_group_go(&group, functions[i % 2], NULL); /* unless that comes too late */
        EXPECT_EQ(rung_group_wait(&group), -ETIMEDOUT);
        EXPECT(rung_now() - start >= MS(10));
    }
    rung_group_open(&group, -5); /* over from the start */
    EXPECT(rung_group_go(&group, never_runs_long, NULL) <= 0);
    EXPECT_EQ(rung_group_wait(&group), -ETIMEDOUT);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
