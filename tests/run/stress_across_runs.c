/* SPDX-License-Identifier: MIT */
/*
 * Plain threads and goroutines do all sorts of things with the same channels, locks and timers while runs begin and end,
 * each with another number of processors: everything comes back by its deadline at the latest.
 *
 * test-traced: no
 * test-timeout: 120
 */
#include "common.h"

enum { RUNS = 300, THREADS = 3, CHANS = 3, TIMERS = 4, GOROUTINES = 6, MEMBERS = 3, CASES = 5 };

static rung_chan *chans[CHANS];
static rung_timer *timers[TIMERS];
static rung_mutex mutex;
static rung_rwmutex rwmutex;
static rung_cond cond;
static rung_sema sema;
static atomic_bool is_over;
static atomic_ullong seeds;

struct dice {
    uint64_t state;
};

static size_t dice(struct dice *dice, size_t most)
{
    return test_random(&dice->state) % most;
}

static rung_chan *some_chan(struct dice *by)
{
    return chans[dice(by, CHANS)];
}

static struct dice new_dice(void)
{
    return (struct dice){ test_seed() + atomic_fetch_add(&seeds, 1) * UINT64_C(0x9e3779b97f4a7c15) };
}

/* What group members do, and goroutines that nobody waits for. */
static int member(void *arg)
{
    struct dice by = new_dice();
    (void)arg;
    switch (dice(&by, 5)) {
    case 0: return rung_recv(some_chan(&by), NULL) < 0 ? -EIO : 0;
    case 1: return rung_sleep((int64_t)dice(&by, 200000));
    case 2: return -EIO;
    case 3:
        rung_pin();
        rung_yield();
        rung_unpin();
        return 0;
    default: (void)rung_try_send(some_chan(&by), &by.state); return 0;
    }
}

static void starts_members(struct dice *by)
{
    rung_group group;
    rung_group_open(&group, (int64_t)dice(by, 300000));
    for (int i = 0; i < MEMBERS; i++)
        (void)rung_group_go(&group, member, NULL);
    if (dice(by, 4) == 0)
        rung_group_cancel(&group);
    (void)rung_group_wait(&group);
}

static void selects(struct dice *by)
{
    rung_case cases[CASES];
    for (int i = 0; i < CASES; i++)
        cases[i] = (rung_case){ some_chan(by), dice(by, 2) ? RUNG_SEND : RUNG_RECV, &by->state, 0 };
    (void)rung_select(cases, CASES);
}

static void takes_a_lock(struct dice *by)
{
    switch (dice(by, 5)) {
    case 0:
        if (rung_mutex_lock_scoped(&mutex) == 0) {
            (void)rung_cond_wait(&cond, &mutex);
            rung_mutex_unlock(&mutex);
        }
        break;
    case 1:
        rung_mutex_lock(&mutex);
        rung_cond_signal(&cond);
        rung_mutex_unlock(&mutex);
        break;
    case 2:
        if (rung_rwmutex_read_lock_scoped(&rwmutex) == 0)
            rung_rwmutex_read_unlock(&rwmutex);
        break;
    case 3:
        if (rung_rwmutex_lock_scoped(&rwmutex) == 0)
            rung_rwmutex_unlock(&rwmutex);
        break;
    default:
        rung_sema_release(&sema, 1);
        (void)!rung_sema_acquire(&sema, (uint32_t)dice(by, 3));
    }
}

static void does_something(struct dice *by)
{
    rung_scope scope;
    rung_scope_open(&scope, (int64_t)dice(by, 300000));
    switch (dice(by, 8)) {
    case 0: (void)rung_send(some_chan(by), &by->state); break;
    case 1: (void)rung_recv(some_chan(by), NULL); break;
    case 2: selects(by); break;
    case 3: starts_members(by); break;
    case 4: (void)rung_go(member, NULL); break;
    case 5: (void)rung_timer_reset(timers[dice(by, TIMERS)], (int64_t)dice(by, 100000), dice(by, 2) ? 0 : 50000); break;
    case 6: (void)rung_sleep((int64_t)dice(by, 200000)); break;
    default: takes_a_lock(by);
    }
    (void)rung_scope_close(&scope);
}

static void *thread(void *arg)
{
    struct dice by = new_dice();
    while (!is_over)
        does_something(&by);
    return arg;
}

static int goroutine(void *arg)
{
    struct dice by = new_dice();
    for (size_t i = dice(&by, 100); i > 0 && rung_scope_error() == 0; i--)
        does_something(&by);
    return arg != NULL;
}

static int app(void *arg)
{
    rung_group group;
    rung_group_open(&group, MS(10));
    for (int i = 0; i < GOROUTINES; i++)
        (void)rung_group_go(&group, goroutine, NULL);
    (void)rung_group_wait(&group);
    return arg != NULL;
}

static int open_timers(void *arg)
{
    for (int i = 0; i < TIMERS; i++)
        EXPECT_EQ(rung_timer_open(&timers[i], RUNG_FOREVER, 0), 0);
    return arg != NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    struct dice by = new_dice();
    for (size_t i = 0; i < CHANS; i++)
        chans[i] = chan_open(sizeof by.state, i);
    run_on(1, open_timers, NULL);
    for (int i = 0; i < THREADS; i++)
        threads[i] = thread_start(thread, NULL);
    for (int64_t i = 0; i < rounds((int)test_scaled(RUNS)); i++)
        run_on(1 + (int)dice(&by, 4), app, NULL);
    is_over = true;
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    return 0;
}
