/* SPDX-License-Identifier: MIT */
/*
 * A goroutine that computes without ever calling rung does not stop the others, on one processor:
 * it spins until another goroutine, a sleeper and a timer have all run.
 */
#include "common.h"

static atomic_int yielder_ran, sleeper_ran, timer_ran;

static int hog(void *arg)
{
    (void)arg;
    while (!atomic_load(&yielder_ran) || !atomic_load(&sleeper_ran) || !atomic_load(&timer_ran))
        continue; /* some 30 ms */
    rung_yield();
    return 0;
}

static int yielder(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++)
        rung_yield();
    atomic_store(&yielder_ran, 1);
    return 0;
}

static int sleeper(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(MS(5)), 0);
    atomic_store(&sleeper_ran, 1);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_timer *timer;
    yielder_ran = sleeper_ran = timer_ran = 0;
    EXPECT_EQ(rung_timer_open(&timer, MS(5), 0), 0);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, sleeper, NULL);
    for (int i = 0; i < 3; i++)
        group_go(&group, hog, NULL);
    group_go(&group, yielder, NULL);
    EXPECT_EQ(rung_recv(rung_timer_chan(timer), NULL), 1);
    atomic_store(&timer_ran, 1);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_timer_close(timer);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
