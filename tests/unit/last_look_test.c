/* SPDX-License-Identifier: MIT */
/* Work that is queued after a spinner's look and before it gives up is found, though nobody is woken for it. */
#include "unmonitored.h"

/*
 * Goroutine 1 holds sched.lock and keeps its own processor. The worker parks on the other one; its m looks
 * everywhere, as a spinner, and waits for the lock to give that processor up. Now goroutine 1 makes the worker
 * ready, for which it wakes nobody, since one spins; and lets go of the lock. Without the monitor, which would
 * notice after a while, only the spinner's last look is left.
 */
enum { ROUNDS = 50 };

static int32_t parked_for = -1, running = -1; /* rounds */

static int worker(void *chan)
{
    for (int32_t round = 0; round < ROUNDS; round++) {
        atomic_store_relaxed(&running, round);
        while (atomic_load_relaxed(&parked_for) < round)
            cpu_relax();
        EXPECT_EQ(rung_recv(chan, NULL), 1);
    }
    atomic_store_relaxed(&running, ROUNDS);
    return 0;
}

static void wait_until_running(int32_t round)
{
    while (atomic_load_relaxed(&running) < round) /* for good, if a goroutine waits and every other thread sleeps */
        usleep(20);
}

static void wait_until_spinner_stands_at_lock(void)
{
    while (atomic_load_relaxed(&sched.spinning) != 1 || !atomic_load_relaxed(&sched.lock.is_contended))
        usleep(20);
    usleep(500);
}

static int app(void *arg)
{
    rung_chan *chan;
    EXPECT_EQ(rung_chan_open(&chan, 0, 0), 0);
    EXPECT_EQ(rung_go(worker, chan), 0);
    for (int32_t round = 0; round < ROUNDS; round++) {
        wait_until_running(round);
        while (!lock_try_acquire(&sched.lock)) /* out of order below a channel's, as debug builds would see it */
            cpu_relax();
        atomic_store_relaxed(&parked_for, round);
        wait_until_spinner_stands_at_lock();
        EXPECT_EQ(rung_send(chan, NULL), 0);
        rank_push(&sched.lock, sched.lock.rank);
        lock_release(&sched.lock);
    }
    wait_until_running(ROUNDS);
    rung_chan_free(chan);
    return arg != NULL;
}

int main(void)
{
    run_unmonitored("2", app);
    return 0;
}
