/* SPDX-License-Identifier: MIT */
/* A spinner that finds work is made up for by whoever gives a processor up next (Go #45867). */
#include <pthread.h>

#include "unmonitored.h"

/*
 * Two processors, both of them busy: with the finder, and with another. A thread holds sched.lock. Each round:
 *
 *   the finder    parks. Its m looks everywhere, as a spinner, and waits for the lock, to give its processor up
 *   the other     parks. Its m may not spin, since one does and two processors are busy: it looks at its own
 *                 queue only, and waits for the lock, too
 *   the thread    makes the finder ready, in the global queue, where both ms have looked; and lets go
 *
 * The spinner has the lock first, since it waits first: it finds the finder, and spins no more. Then that makes the
 * worker ready, for which it wakes nobody, since no processor idles yet; and keeps its own. Unless the other's m looks
 * once more as it gives its processor up, it goes to sleep, and the worker waits for ever: there is no monitor here. (Where
 * it has the lock before the worker is ready, a processor idles, and all goes well.)
 */
enum { ROUNDS = 50 };

static rung_chan *for_worker, *for_finder, *for_other;
static int32_t finder_busy, finder_may_park, other_busy, other_may_park, worked; /* rounds */

static int worker(void *arg)
{
    for (int32_t round = 1; round <= ROUNDS; round++) {
        EXPECT_EQ(rung_recv(for_worker, NULL), 1);
        atomic_store_release(&worked, round);
    }
    return arg != NULL;
}

static int finder(void *arg)
{
    for (int32_t round = 1; round <= ROUNDS; round++) {
        atomic_store_release(&finder_busy, round);
        wait_for_round(&finder_may_park, round);
        EXPECT_EQ(rung_recv(for_finder, NULL), 1);
        skip_no_wake();
        EXPECT_EQ(rung_send(for_worker, NULL), 0);
        wait_for_round(&worked, round);
        skip_no_wake();
        EXPECT_EQ(rung_send(for_other, NULL), 0);
    }
    return arg != NULL;
}

static int other(void *arg)
{
    for (int32_t round = 1; round <= ROUNDS; round++) {
        atomic_store_release(&other_busy, round);
        wait_for_round(&other_may_park, round);
        EXPECT_EQ(rung_recv(for_other, NULL), 1);
    }
    return arg != NULL;
}

static void wait_until_spinner_stands_at_lock(void)
{
    while (atomic_load_relaxed(&sched.spinning) != 1 || !atomic_load_relaxed(&sched.lock.is_contended))
        usleep(20);
    usleep(500);
}

/* What rung_send does, but for the lock, which is held already. */
static void find_finder_locked(void)
{
    object_lock(&for_finder->lock);
    struct waiter *waiter = waiter_claim_first(&for_finder->receivers);
    object_unlock(&for_finder->lock);
    EXPECT(waiter != NULL);
    waiter->result = 1;
    waiter->g->wait_result = 0;
    atomic_store_relaxed(&waiter->g->status, G_RUNNABLE);
    global_put_batch_locked(waiter->g, waiter->g, 1);
}

static void *thread(void *arg)
{
    for (int32_t round = 1; round <= ROUNDS; round++) {
        wait_for_round(&finder_busy, round);
        wait_for_round(&other_busy, round);
        while (!has_receiver(for_worker) || atomic_load_relaxed(&sched.spinning) != 0)
            usleep(20);
        while (!lock_try_acquire(&sched.lock)) /* out of order above a channel's, as debug builds would see it */
            cpu_relax();
        atomic_store_release(&finder_may_park, round);
        wait_until_spinner_stands_at_lock();
        atomic_store_release(&other_may_park, round);
        usleep(2000); /* until the other's m stands there, too */
        find_finder_locked();
        rank_push(&sched.lock, sched.lock.rank);
        lock_release(&sched.lock);
    }
    return arg;
}

static int app(void *arg)
{
    pthread_t holder;
    EXPECT_EQ(rung_chan_open(&for_worker, 0, 0), 0);
    EXPECT_EQ(rung_chan_open(&for_finder, 0, 0), 0);
    EXPECT_EQ(rung_chan_open(&for_other, 0, 0), 0);
    EXPECT_EQ(rung_go(worker, NULL), 0);
    while (!has_receiver(for_worker))
        rung_yield();
    skip_no_wake();
    EXPECT_EQ(rung_go(finder, NULL), 0); /* on the other processor: this one is kept */
    EXPECT_EQ(pthread_create(&holder, NULL, thread, NULL), 0);
    other(NULL);
    EXPECT_EQ(pthread_join(holder, NULL), 0);
    return arg != NULL;
}

int main(void)
{
    run_unmonitored("2", app);
    rung_chan_free(for_worker);
    rung_chan_free(for_finder);
    rung_chan_free(for_other);
    return 0;
}
