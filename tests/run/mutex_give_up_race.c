/* SPDX-License-Identifier: MIT */
/* Waiters that give up while the lock is handed to them neither keep it nor lose the wake-up. */
#include "common.h"

static rung_mutex mutex;
static int is_inside; /* under mutex */
static atomic_int taken, given_up;

static int taker(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    for (int i = rounds(1500); i > 0; i--) {
        rung_scope scope;
        rung_scope_open(&scope, (int64_t)(test_random(&state) % 30000));
        int error = rung_mutex_lock_scoped(&mutex);
        if (error == 0) {
            EXPECT_EQ(is_inside++, 0);
            if (test_random(&state) % 2)
                rung_yield();
            EXPECT_EQ(--is_inside, 0);
            rung_mutex_unlock(&mutex);
            atomic_fetch_add(&taken, 1);
        } else {
            EXPECT_EQ(error, -ETIMEDOUT);
            atomic_fetch_add(&given_up, 1);
        }
        (void)rung_scope_close(&scope);
        rung_mutex_lock(&mutex); /* and one who will not give up needs his wake-up */
        EXPECT_EQ(is_inside, 0);
        rung_mutex_unlock(&mutex);
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < 8; i++)
        group_go(&group, taker, (void *)i);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT(rung_mutex_try_lock(&mutex));
    rung_mutex_unlock(&mutex);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    printf("taken %d, given up %d\n", taken, given_up);
    return 0;
}
