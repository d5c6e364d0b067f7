/* SPDX-License-Identifier: MIT */
/*
 * A wait that its scope ends comes back with the mutex held. A waiter that gives up takes no signal
 * with it: each signal sent while somebody else waits too is heard.
 */
#include "common.h"

static rung_mutex mutex;
static rung_cond cond;
static int tokens, is_over; /* under mutex */
static int is_inside;       /* under mutex */

static int times_out(void *arg)
{
    (void)arg;
    rung_scope scope;
    rung_scope_open(&scope, MS(3));
    rung_mutex_lock(&mutex);
    EXPECT_EQ(rung_cond_wait(&cond, &mutex), -ETIMEDOUT);
    EXPECT(!rung_mutex_try_lock(&mutex));
    EXPECT_EQ(is_inside++, 0);
    EXPECT_EQ(rung_cond_wait(&cond, &mutex), -ETIMEDOUT);
    EXPECT_EQ(is_inside--, 1);
    rung_mutex_unlock(&mutex);
    EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    return 0;
}

/* One token, one signal: this one waits until it finds a token, and never gives up. */
static int patient_taker(void *arg)
{
    (void)arg;
    rung_mutex_lock(&mutex);
    while (!is_over) {
        while (tokens == 0 && !is_over)
            EXPECT_EQ(rung_cond_wait(&cond, &mutex), 0);
        tokens = 0;
    }
    rung_mutex_unlock(&mutex);
    return 0;
}

/* Takes a token only where a signal came to it; where it gave up, the signal is another's. */
static int hasty_taker(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    rung_mutex_lock(&mutex);
    while (!is_over) {
        rung_scope scope;
        rung_scope_open(&scope, (int64_t)(test_random(&state) % 20000));
        if (rung_cond_wait(&cond, &mutex) == 0)
            tokens = 0;
        rung_mutex_unlock(&mutex);
        (void)rung_scope_close(&scope);
        rung_mutex_lock(&mutex);
    }
    rung_mutex_unlock(&mutex);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, times_out, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT(rung_mutex_try_lock(&mutex));
    rung_mutex_unlock(&mutex);

    is_over = tokens = 0;
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, patient_taker, NULL);
    for (uintptr_t i = 0; i < 5; i++)
        group_go(&group, hasty_taker, (void *)i);
    for (int i = rounds(300); i > 0; i--) {
        rung_mutex_lock(&mutex);
        tokens = 1;
        rung_cond_signal(&cond);
        rung_mutex_unlock(&mutex);
        for (int left = 1; left > 0;) { /* else one who gave up took the signal along */
            rung_yield();
            rung_mutex_lock(&mutex);
            left = tokens;
            rung_mutex_unlock(&mutex);
        }
    }
    rung_mutex_lock(&mutex);
    is_over = 1;
    rung_cond_broadcast(&cond);
    rung_mutex_unlock(&mutex);
    EXPECT_EQ(rung_group_wait(&group), 0);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
