/* SPDX-License-Identifier: MIT */
/* Wait group waits, sleeps and cond waits that race with the end of their scope leave their objects whole. */
#include "scope_race.h"

static rung_waitgroup waitgroup;
static rung_mutex mutex;
static rung_cond cond;
static int is_inside; /* under mutex */
static atomic_int is_over;

static int hasty(void *arg)
{
    int result = 0;
    switch ((uintptr_t)arg) {
    case 0:
        result = rung_waitgroup_wait(&waitgroup);
        break;
    case 1:
        result = rung_sleep(RUNG_MICROSECONDS(3));
        break;
    default:
        rung_mutex_lock(&mutex);
        EXPECT_EQ(is_inside, 0);
        result = rung_cond_wait(&cond, &mutex);
        EXPECT_EQ(is_inside++, 0);
        EXPECT_EQ(is_inside--, 1);
        rung_mutex_unlock(&mutex);
    }
    EXPECT(result == 0 || result == -ECANCELED || result == -ETIMEDOUT);
    return 0;
}

static int partner(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over)) {
        rung_waitgroup_add(&waitgroup, 1);
        rung_yield();
        rung_waitgroup_done(&waitgroup);
        rung_cond_signal(&cond);
        rung_yield();
    }
    return 0;
}

static int racer(void *kind)
{
    struct race race = {.call = hasty, .arg = kind, .state = test_seed() + rung_id()};
    for (int i = rounds(ATTEMPTS / 3); i > 0; i--)
        race_once(&race);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group, partners;
    atomic_store(&is_over, 0);
    rung_group_open(&partners, RUNG_FOREVER);
    group_go(&partners, partner, NULL);
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < RACERS; i++)
        group_go(&group, racer, (void *)(i % 3));
    EXPECT_EQ(rung_group_wait(&group), 0);
    atomic_store(&is_over, 1);
    EXPECT_EQ(rung_group_wait(&partners), 0);
    EXPECT_EQ(rung_waitgroup_wait(&waitgroup), 0);
    EXPECT(rung_mutex_try_lock(&mutex));
    rung_mutex_unlock(&mutex);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
