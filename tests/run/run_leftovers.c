/* SPDX-License-Identifier: MIT */
/*
 * When fn returns, goroutines left over are cancelled, wherever they are parked, and rung_run comes back
 * only when all have ended, their cleaning up included. None can be started any more.
 */
#include "blocking_calls.h"

static struct things things[LENGTH(blocking_calls)]; /* for each call its own: they must not meet */
static atomic_int ended;

static int park(void *call)
{
    const struct blocking_call *me = call;
    rung_scope shield;
    expect_result(me, me->call(&things[me - blocking_calls]), -ECANCELED);
    EXPECT_EQ(rung_go(park, call), -ECANCELED);
    rung_shield_open(&shield, RUNG_FOREVER);
    EXPECT_EQ(rung_sleep(MS(2)), 0);
    EXPECT_EQ(rung_scope_close(&shield), 0);
    atomic_fetch_add(&ended, 1);
    return 0;
}

static int compute(void *arg)
{
    (void)arg;
    while (rung_scope_error() == 0)
        continue;
    EXPECT_EQ(rung_scope_error(), -ECANCELED);
    atomic_fetch_add(&ended, 1);
    return 0;
}

static void start_all(void)
{
    atomic_store(&ended, 0);
    for (size_t i = 0; i < LENGTH(blocking_calls); i++) {
        things_open(&things[i]);
        go(park, (void *)&blocking_calls[i]);
    }
    go(compute, NULL);
}

static void run_and_check(int procs, rung_function *fn)
{
    run_on(procs, fn, NULL);
    EXPECT_EQ(ended, LENGTH(blocking_calls) + 1);
    for (size_t i = 0; i < LENGTH(blocking_calls); i++)
        things_close(&things[i]);
}

static int app(void *arg)
{
    (void)arg;
    start_all();
    wait_parked("sync", 5);
    return 0;
}

static int app_without_a_wait(void *arg)
{
    (void)arg;
    start_all();
    return 0; /* some have not even begun */
}

int main(void)
{
    for (int procs = 1; procs <= 4; procs += 3) {
        run_and_check(procs, app);
        run_and_check(procs, app_without_a_wait);
    }
    return 0;
}
