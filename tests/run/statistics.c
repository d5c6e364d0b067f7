/* SPDX-License-Identifier: MIT */
/* The counters count: goroutines alive and created, switches, processors, threads, hand-overs, stacks. */
#include "common.h"

static int sleeps(void *arg)
{
    (void)rung_sleep(RUNG_FOREVER);
    return arg != NULL;
}

static int blocks(void *arg)
{
    usleep(50000); /* in the kernel: its processor is handed over */
    return arg != NULL;
}

static int app(void *arg)
{
    (void)arg;
    rung_statistics before, now;
    rung_statistics_read(&before);
    EXPECT_EQ(before.processors, 1);
    EXPECT(before.threads >= 1);
    EXPECT_EQ(before.goroutines, 1);
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 100; i++)
        group_go(&group, sleeps, NULL);
    wait_parked("sleep", 100);
    group_go(&group, blocks, NULL);
    rung_yield();
    EXPECT_EQ(rung_sleep(MS(60)), 0);
    rung_statistics_read(&now);
    EXPECT_EQ(now.goroutines, 101);
    EXPECT_EQ(now.created - before.created, 101);
    EXPECT(now.switches >= before.switches + 100);
    EXPECT(now.hand_overs > before.hand_overs);
    EXPECT(now.threads > before.threads);
    EXPECT(now.stack_bytes >= 100 * 16384);
    EXPECT(strcmp(now.guard, "marker") == 0 || strcmp(now.guard, "mprotect") == 0);
    EXPECT(now.membarrier == 0 || now.membarrier == 1);
    rung_group_cancel(&group);
    EXPECT_EQ(rung_group_wait(&group), -ECANCELED);
    rung_statistics_read(&now);
    EXPECT_EQ(now.goroutines, 1);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    return 0;
}
