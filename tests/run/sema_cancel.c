/* SPDX-License-Identifier: MIT */
/* A waiter that gives up takes no permits along, and lets those behind it through. */
#include "common.h"

enum { PERMITS = 10 };

static rung_sema sema;
static atomic_int in_use;
static atomic_bool is_open;

static int big_and_hasty(void *scope)
{
    rung_scope_open(scope, RUNG_FOREVER);
    atomic_store(&is_open, true);
    EXPECT_EQ(rung_sema_acquire(&sema, 100), -ECANCELED);
    EXPECT_EQ(rung_scope_close(scope), -ECANCELED);
    return 0;
}

static int small(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sema_acquire(&sema, 1), 0); /* waits behind the big one, until that gives up */
    return 0;
}

static int racer(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    for (int i = rounds(1500); i > 0; i--) {
        rung_scope scope;
        unsigned count = 1 + (unsigned)(test_random(&state) % PERMITS);
        rung_scope_open(&scope, (int64_t)(test_random(&state) % 30000));
        if (rung_sema_acquire(&sema, count) == 0) {
            EXPECT(atomic_fetch_add(&in_use, (int)count) + (int)count <= PERMITS);
            if (test_random(&state) % 2)
                rung_yield();
            atomic_fetch_sub(&in_use, (int)count);
            rung_sema_release(&sema, count);
        }
        (void)rung_scope_close(&scope);
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_scope scope;
    rung_sema_release(&sema, 1);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, big_and_hasty, &scope);
    wait_parked("sync", 1);
    group_go(&group, small, NULL);
    wait_parked("sync", 2);
    while (!atomic_exchange(&is_open, false))
        rung_yield();
    rung_scope_cancel(&scope);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT(!rung_sema_try_acquire(&sema, 1));

    rung_sema_release(&sema, PERMITS);
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < 8; i++)
        group_go(&group, racer, (void *)i);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT(rung_sema_try_acquire(&sema, PERMITS));
    EXPECT(!rung_sema_try_acquire(&sema, 1));
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
