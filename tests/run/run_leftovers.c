/* SPDX-License-Identifier: MIT */
/*
 * When fn returns, goroutines left over are cancelled, wherever they are parked, and rung_run comes back
 * only when all have ended, their cleaning up included. None can be started any more.
 */
#include "blocking_calls.h"

static struct things things;
static atomic_int ended;

static int park(void *call)
{
    const struct blocking_call *me = call;
    rung_scope shield;
    expect_result(me, me->call(&things), -ECANCELED);
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

static int app(void *arg)
{
    (void)arg;
    things_open(&things);
    atomic_store(&ended, 0);
    for (size_t i = 0; i < LENGTH(blocking_calls); i++)
        go(park, (void *)&blocking_calls[i]);
    go(compute, NULL);
    wait_parked("sync", 5);
    return 0;
}

static int app_without_a_wait(void *arg)
{
    (void)arg;
    things_open(&things);
    atomic_store(&ended, 0);
    for (size_t i = 0; i < LENGTH(blocking_calls); i++)
        go(park, (void *)&blocking_calls[i]);
    go(compute, NULL);
    return 0; /* some have not even begun */
}

int main(void)
{
    for (int procs = 1; procs <= 4; procs += 3) {
        run_on(procs, app, NULL);
        EXPECT_EQ(ended, LENGTH(blocking_calls) + 1);
        things_close(&things);
        run_on(procs, app_without_a_wait, NULL);
        EXPECT_EQ(ended, LENGTH(blocking_calls) + 1);
        things_close(&things);
    }
    return 0;
}
