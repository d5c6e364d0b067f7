/* SPDX-License-Identifier: MIT */
/* The counters count: goroutines alive and created, switches, processors, threads, hand-overs, stacks. */
#include "common.h"

static int sleeps(void *arg)
{
    (void)rung_sleep(RUNG_FOREVER);
    return arg != NULL;
}

/* In the kernel, until its processor has been handed over. */
static int blocks(void *before)
{
    rung_statistics now;
    do {
        usleep(20000);
        rung_statistics_read(&now);
    } while (now.hand_overs == ((rung_statistics *)before)->hand_overs);
    return 0;
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
    group_go(&group, blocks, &before);
    do {
        rung_yield();
        rung_statistics_read(&now);
    } while (now.goroutines > 101);
    EXPECT_EQ(now.goroutines, 101);
    EXPECT_EQ(now.created - before.created, 101);
    EXPECT(now.switches >= before.switches + 100);
    EXPECT(now.hand_overs > before.hand_overs);
    EXPECT(now.threads > before.threads || before.hand_overs > 0); /* then there was one more already */
    EXPECT(now.stack_bytes >= 100 * 16384);
    EXPECT(strcmp(now.guard, "marker") == 0 || strcmp(now.guard, "mprotect") == 0);
    EXPECT(now.membarrier == 0 || now.membarrier == 1);
    rung_group_cancel(&group);
    EXPECT_EQ(rung_group_wait(&group), -ECANCELED);
    do { /* who has left the group may have yet to end */
        rung_yield();
        rung_statistics_read(&now);
    } while (now.goroutines > 1);
    EXPECT_EQ(now.goroutines, 1);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    return 0;
}
