/* SPDX-License-Identifier: MIT */
/* A wake-up that finds no processor any more is made up for by whoever gives one up next (Go #45867). */
#include <pthread.h>

#include "unmonitored.h"

/*
 * Three processors: goroutine 1 keeps its own, the other's goroutine is busy, the third one is idle. A thread
 * holds sched.lock. Each round:
 *
 *   goroutine 1   makes the worker ready; sees an idle processor and no spinner, counts itself as one and waits
 *                 for the lock, to start an m
 *   the other     parks. Its m may not spin, since one does and two processors are busy: it looks at its own
 *                 queue only, and waits for the lock, to give its processor up
 *   the thread    takes the idle processor away, as an m that comes back from the kernel does, and lets go
 *
 * If goroutine 1 has the lock first it finds no processor. Unless the m looks once more as it gives its own up, it goes
 * to sleep, and the worker waits for ever: there is no monitor here. Goroutine 1 gets the lock first since it waits first.
 *
 * p_wake_for skips wake-ups after futile ones, and leaves it to the monitor to make up for them. So here nobody may
 * come to skip one: where a thread is held up at a bad moment two spinners in a row find nothing, and that is enough.
 */
enum { ROUNDS = 50 };

static rung_chan *for_worker, *for_other;
static int32_t worked, busy, held, may_park = -1, is_waited_for = -1; /* rounds */

static int worker(void *arg)
{
    for (int32_t round = 1; round <= ROUNDS; round++) {
        EXPECT_EQ(rung_recv(for_worker, NULL), 1);
        atomic_store_release(&worked, round);
    }
    return arg != NULL;
}

static int other(void *arg)
{
    for (int32_t round = 1; round <= ROUNDS; round++) {
        atomic_store_release(&busy, round);
        wait_for_round(&may_park, round);
        skip_no_wake(); /* goroutine 1, if it was here first */
        EXPECT_EQ(rung_recv(for_other, NULL), 1);
    }
    return arg != NULL;
}

static void wait_until_one_stands_at_lock(void)
{
    while (atomic_load_relaxed(&sched.spinning) != 1 || !atomic_load_relaxed(&sched.lock.is_contended))
        usleep(20);
}

static void *thread(void *arg)
{
    for (int32_t round = 1; round <= ROUNDS; round++) {
        wait_for_round(&is_waited_for, round);
        lock_acquire(&sched.lock);
        atomic_store_release(&held, round);
        wait_until_one_stands_at_lock();
        usleep(500);
        atomic_store_release(&may_park, round);
        usleep(2000); /* until the other's m stands there, too */
        struct p *p = p_idle_get_locked();
        lock_release(&sched.lock);
        wait_for_round(&worked, round);
        lock_acquire(&sched.lock);
        if (p != NULL)
            p_idle_put_locked(p);
        lock_release(&sched.lock);
    }
    return arg;
}

/* Goroutine 1 and the other run, and nothing else moves. */
static void wait_until_quiet(void)
{
    while (!has_receiver(for_worker) || atomic_load_relaxed(&sched.idle_procs) != 1 || atomic_load_relaxed(&sched.spinning) != 0)
        usleep(20);
}

static int app(void *arg)
{
    pthread_t holder;
    EXPECT_EQ(rung_chan_open(&for_worker, 0, 0), 0);
    EXPECT_EQ(rung_chan_open(&for_other, 0, 0), 0);
    skip_no_wake();
    EXPECT_EQ(rung_go(worker, NULL), 0);
    skip_no_wake();
    EXPECT_EQ(rung_go(other, NULL), 0);
    EXPECT_EQ(pthread_create(&holder, NULL, thread, NULL), 0);
    for (int32_t round = 1; round <= ROUNDS; round++) {
        wait_for_round(&busy, round);
        wait_until_quiet();
        atomic_store_release(&is_waited_for, round);
        wait_for_round(&held, round);
        skip_no_wake();
        EXPECT_EQ(rung_send(for_worker, NULL), 0);
        wait_for_round(&worked, round);
        skip_no_wake();
        EXPECT_EQ(rung_send(for_other, NULL), 0);
    }
    EXPECT_EQ(pthread_join(holder, NULL), 0);
    return arg != NULL;
}

int main(void)
{
    run_unmonitored("3", app);
    rung_chan_free(for_worker);
    rung_chan_free(for_other);
    return 0;
}
