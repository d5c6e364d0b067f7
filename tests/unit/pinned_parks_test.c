/* SPDX-License-Identifier: MIT */
/*
 * A pinned goroutine that parks gives its processor away: to somebody who looks at the other processors' queues, too. While
 * it ran nobody was to be woken for what is in them; and there is no monitor here that would make up for that.
 *
 * In every other round there is nothing in them yet when its m looks, to see whether anybody needs the processor: the work comes
 * while it waits for sched.lock, to let that idle.
 */
#include "unmonitored.h"

enum { ROUNDS = 50 };
#define HANG_NS INT64_C(20000000000)

static rung_chan *for_pinned, *for_late;
static int32_t busy, worked, may_park; /* rounds */

static void wait_for(int32_t *round, int32_t wanted, const char *what)
{
    int64_t end = os_now() + HANG_NS;
    while (atomic_load_acquire(round) < wanted) {
        usleep(20);
        if (os_now() > end)
            test_fail(__FILE__, __LINE__, "round %d: %s", wanted, what);
    }
}

static int pinned(void *arg)
{
    rung_pin();
    for (int32_t round = 1; round <= ROUNDS; round++) {
        atomic_store_release(&busy, round);
        wait_for(&may_park, round, "it may not park");
        EXPECT_EQ(rung_recv(for_pinned, NULL), 1);
    }
    return arg != NULL;
}

static int worker(void *arg)
{
    atomic_store_release(&worked, (int32_t)(intptr_t)arg);
    return 0;
}

static int late_worker(void *arg)
{
    while (rung_recv(for_late, &arg) == 1)
        worker(arg);
    return 0;
}

static void queue_late(int32_t round)
{
    void *arg = (void *)(intptr_t)round;
    while (!has_receiver(for_late))
        usleep(20);
    while (!lock_try_acquire(&sched.lock)) /* out of order above a channel's, as debug builds would see it */
        cpu_relax();
    atomic_store_release(&may_park, round);
    while (!atomic_load_relaxed(&sched.lock.is_contended))
        usleep(20);
    EXPECT_EQ(rung_send(for_late, &arg), 0);
    rank_push(&sched.lock, sched.lock.rank);
    lock_release(&sched.lock);
}

static int app(void *arg)
{
    EXPECT_EQ(rung_chan_open(&for_pinned, 0, 0), 0);
    EXPECT_EQ(rung_chan_open(&for_late, sizeof arg, 0), 0);
    EXPECT_EQ(rung_go(late_worker, NULL), 0);
    while (!has_receiver(for_late))
        rung_yield();
    skip_no_wake();
    EXPECT_EQ(rung_go(pinned, NULL), 0);
    for (int32_t round = 1; round <= ROUNDS; round++) {
        wait_for(&busy, round, "the pinned one does not run");
        if (round % 2 == 0) {
            queue_late(round);
        } else {
            EXPECT_EQ(rung_go(worker, (void *)(intptr_t)round), 0); /* in this processor's queue; the other is busy */
            atomic_store_release(&may_park, round);
        }
        wait_for(&worked, round, "a goroutine waits, and a processor idles");
        skip_no_wake();
        EXPECT_EQ(rung_send(for_pinned, NULL), 0);
    }
    rung_chan_close(for_late);
    return arg != NULL;
}

int main(void)
{
    run_unmonitored("2", app);
    rung_chan_free(for_pinned);
    rung_chan_free(for_late);
    return 0;
}
