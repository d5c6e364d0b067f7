/* SPDX-License-Identifier: MIT */
/* unmonitored.h: what tests share in which there is no monitor, so that a wake-up that is lost is lost for good. */
#ifndef UNMONITORED_H
#define UNMONITORED_H

#include <stdlib.h>
#include <unistd.h>

#include "../test.h"
#include "sync/chan.h"

/* As RUNG_PROCS; and without chaos, with which rung_send takes sched.lock. */
static inline void run_unmonitored(const char *procs, rung_function *app)
{
    setenv("RUNG_PROCS", procs, 1);
    unsetenv("RUNG_CHAOS");
    sched.sysmon_started = 1; /* it is not */
    EXPECT_EQ(rung_run(app, NULL), 0);
}

/* Until another has come to this round. */
static inline void wait_for_round(const int32_t *round, int32_t wanted)
{
    while (atomic_load_acquire(round) < wanted)
        usleep(20);
}

/*
 * Before each call that makes a goroutine ready: p_wake_for skips wake-ups after futile ones, and leaves it to the monitor to
 * make up for them. This processor stays the caller's.
 */
static inline void skip_no_wake(void)
{
    current_m()->p->wakes_skipped = UINT32_MAX / 2;
}

/* Whether somebody waits for an item. */
static inline bool has_receiver(rung_chan *chan)
{
    object_lock(&chan->lock);
    bool has_one = !list_is_empty(&chan->receivers);
    object_unlock(&chan->lock);
    return has_one;
}

#endif
