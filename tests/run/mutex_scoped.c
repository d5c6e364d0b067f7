/* SPDX-License-Identifier: MIT */
/*
 * Under an ended scope lock_scoped gives up and does not hold the lock, while lock waits on and holds
 * it: nobody runs unprotected.
 */
#include "common.h"

static rung_mutex mutex;
static atomic_int is_unlocked;

static int unlock_later(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(MS(10)), 0);
    atomic_store(&is_unlocked, 1);
    rung_mutex_unlock(&mutex);
    return 0;
}

static int gives_up(void *arg)
{
    (void)arg;
    rung_scope scope;
    rung_scope_open(&scope, MS(2));
    EXPECT_EQ(rung_mutex_lock_scoped(&mutex), -ETIMEDOUT);
    EXPECT_EQ(rung_mutex_lock_scoped(&mutex), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    rung_scope_open(&scope, RUNG_FOREVER);
    rung_scope_cancel(&scope);
    EXPECT_EQ(rung_mutex_lock_scoped(&mutex), -ECANCELED);
    EXPECT_EQ(rung_scope_close(&scope), -ECANCELED);
    return 0;
}

static int waits_on(void *arg)
{
    (void)arg;
    rung_scope scope;
    rung_scope_open(&scope, 0);
    rung_mutex_lock(&mutex);
    EXPECT_EQ(atomic_load(&is_unlocked), 1);
    EXPECT(!rung_mutex_try_lock(&mutex));
    rung_mutex_unlock(&mutex);
    EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    atomic_store(&is_unlocked, 0);
    rung_mutex_lock(&mutex);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 5; i++)
        group_go(&group, gives_up, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 5; i++)
        group_go(&group, waits_on, NULL);
    group_go(&group, unlock_later, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_mutex_lock_scoped(&mutex), 0);
    rung_mutex_unlock(&mutex);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
