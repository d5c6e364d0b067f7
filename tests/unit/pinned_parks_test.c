/* SPDX-License-Identifier: MIT */
/*
 * A pinned goroutine that parks gives its processor away: to somebody who looks at the other processors' queues, too. While
 * it ran nobody was to be woken for what is in them; and there is no monitor here that would make up for that.
 */
#include <unistd.h>

#include "../test.h"
#include "sync/chan.h"

enum { ROUNDS = 50 };
#define HANG_NS INT64_C(20000000000)

static rung_chan *for_pinned;
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

/* p_wake_for leaves some wakes to the monitor. */
static void skip_no_wake(void)
{
    current_m()->p->wakes_skipped = UINT32_MAX / 2;
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

static int app(void *arg)
{
    EXPECT_EQ(rung_chan_open(&for_pinned, 0, 0), 0);
    skip_no_wake();
    EXPECT_EQ(rung_go(pinned, NULL), 0);
    for (int32_t round = 1; round <= ROUNDS; round++) {
        wait_for(&busy, round, "the pinned one does not run");
        EXPECT_EQ(rung_go(worker, (void *)(intptr_t)round), 0); /* in this processor's queue; the other is busy */
        atomic_store_release(&may_park, round);
        wait_for(&worked, round, "a goroutine waits, and a processor idles");
        skip_no_wake();
        EXPECT_EQ(rung_send(for_pinned, NULL), 0);
    }
    return arg != NULL;
}

int main(void)
{
    setenv("RUNG_PROCS", "2", 1);
    unsetenv("RUNG_CHAOS");
    sched.sysmon_started = 1; /* it is not */
    EXPECT_EQ(rung_run(app, NULL), 0);
    rung_chan_free(for_pinned);
    return 0;
}
