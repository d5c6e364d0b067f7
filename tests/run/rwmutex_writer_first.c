/* SPDX-License-Identifier: MIT */
/* A waiting writer keeps new readers out and gets the lock next; one that gives up lets them in again. */
#include "common.h"

static rung_rwmutex rwmutex;
static int value; /* under rwmutex */
static atomic_bool is_open;

static int writer(void *arg)
{
    (void)arg;
    rung_rwmutex_lock(&rwmutex);
    value = 1;
    rung_rwmutex_unlock(&rwmutex);
    return 0;
}

static int hasty_writer(void *scope)
{
    rung_scope_open(scope, RUNG_FOREVER);
    atomic_store(&is_open, true);
    EXPECT_EQ(rung_rwmutex_lock_scoped(&rwmutex), -ECANCELED);
    EXPECT_EQ(rung_scope_close(scope), -ECANCELED);
    return 0;
}

static int reader(void *expected)
{
    rung_rwmutex_read_lock(&rwmutex);
    EXPECT_EQ(value, (uintptr_t)expected);
    rung_rwmutex_read_unlock(&rwmutex);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_scope scope;
    value = 0;
    rung_group_open(&group, RUNG_FOREVER);
    rung_rwmutex_read_lock(&rwmutex);
    group_go(&group, writer, NULL);
    wait_parked("sync", 1);
    EXPECT(!rung_rwmutex_try_read_lock(&rwmutex));
    for (int i = 0; i < 10; i++)
        group_go(&group, reader, (void *)1);
    wait_parked("sync", 11);
    EXPECT_EQ(value, 0);
    rung_rwmutex_read_unlock(&rwmutex);
    EXPECT_EQ(rung_group_wait(&group), 0);

    rung_group_open(&group, RUNG_FOREVER);
    rung_rwmutex_read_lock(&rwmutex);
    group_go(&group, hasty_writer, &scope);
    wait_parked("sync", 1);
    for (int i = 0; i < 10; i++)
        group_go(&group, reader, (void *)1);
    wait_parked("sync", 11);
    while (!atomic_exchange(&is_open, false))
        rung_yield();
    rung_scope_cancel(&scope); /* they come in though the first reader stays */
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT(rung_rwmutex_try_read_lock(&rwmutex));
    rung_rwmutex_read_unlock(&rwmutex);
    rung_rwmutex_read_unlock(&rwmutex);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
