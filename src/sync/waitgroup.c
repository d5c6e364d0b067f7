/* SPDX-License-Identifier: MIT */
/*
 * waitgroup.c: a count, and who waits until it is zero.
 *
 * Count and the bit "somebody waits" share one word, so that the call that brings the count to zero knows from
 * its own subtraction whether to look for waiters. If not, it never touches the memory again: a
 * waiter that finds zero may return and free it at once.
 *
 * For that the bit is set only while somebody is in the list, or that call is on its way there: a waiter that gives up
 * as the last one clears it, or waits for that call, which will touch the memory.
 */
#include <errno.h>

#include "sync/wait.h"

struct waitgroup {
    uint32_t state;  /* atomic: count << 1 | HAS_WAITERS; the bit is set and cleared under lock */
    union lock lock; /* guards waiters */
    struct list waiters;
};

enum { HAS_WAITERS = 1, COUNT_MOST = 1 << 30 };

_Static_assert(sizeof(struct waitgroup) <= sizeof(rung_waitgroup), "rung.h: rung_waitgroup");

static noinline void wake_all(struct waitgroup *waitgroup)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    object_lock(&waitgroup->lock);
    atomic_and_relaxed(&waitgroup->state, ~(uint32_t)HAS_WAITERS);
    struct link *all = waiter_claim_all(&waitgroup->waiters);
    object_unlock(&waitgroup->lock);
    waiter_ready_all(m, all);
    leave_m(m);
}

void rung_waitgroup_add(rung_waitgroup *public_waitgroup, int32_t count)
{
    struct waitgroup *waitgroup = (struct waitgroup *)public_waitgroup;
    /* release: what was done before; acquire: by whoever brings it to zero, for the waiters. */
    uint32_t old = atomic_add_acq_rel(&waitgroup->state, (uint32_t)count * 2);
    int64_t now = (int64_t)(old >> 1) + count;
    if (unlikely(now < 0 || now >= COUNT_MOST))
        panic(now < 0 ? "negative waitgroup count" : "waitgroup count above 2^30");
    if (now == 0 && count != 0 && unlikely(old & HAS_WAITERS))
        wake_all(waitgroup);
}

void rung_waitgroup_done(rung_waitgroup *waitgroup)
{
    rung_waitgroup_add(waitgroup, -1);
}

/* Sets the bit, unless the count is zero. */
static bool announce_locked(struct waitgroup *waitgroup)
{
    uint32_t state = atomic_load_acquire(&waitgroup->state); /* acquire: pairs with add */
    do {
        if (state >> 1 == 0)
            return false;
    } while (!atomic_cas_acq_rel(&waitgroup->state, &state, state | HAS_WAITERS));
    return true;
}

/* Clears the bit, unless the count is zero: then who brought it there is about to do so. */
static bool renounce_locked(struct waitgroup *waitgroup)
{
    uint32_t state = atomic_load_relaxed(&waitgroup->state);
    do {
        if (state == HAS_WAITERS)
            return false;
    } while (!atomic_cas_acq_rel(&waitgroup->state, &state, state & ~(uint32_t)HAS_WAITERS));
    return true;
}

/* The scope has ended, with this error. Gives back 0 if the count is zero by now, as seen by who comes to say so. */
static int give_up(struct m *m, struct waitgroup *waitgroup, struct waiter *waiter, int error)
{
    object_lock(&waitgroup->lock);
    list_remove(&waitgroup->waiters, &waiter->link);
    if (!list_is_empty(&waitgroup->waiters) || renounce_locked(waitgroup)) {
        object_unlock(&waitgroup->lock);
        return error;
    }
    waiter_init(waiter, m_g(m), false);
    list_push_last(&waitgroup->waiters, &waiter->link);
    return park(m, WAIT_SYNC, false, &waitgroup->lock);
}

int rung_waitgroup_wait(rung_waitgroup *public_waitgroup)
{
    struct waitgroup *waitgroup = (struct waitgroup *)public_waitgroup;
    if (atomic_load_acquire(&waitgroup->state) >> 1 == 0) /* acquire: pairs with add */
        return 0;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int result = atomic_load_relaxed(&m_g(m)->ended);
    if (unlikely(result != 0)) {
        leave_m(m);
        return result;
    }
    object_lock(&waitgroup->lock);
    if (!announce_locked(waitgroup)) {
        object_unlock(&waitgroup->lock);
        leave_m(m);
        return 0;
    }
    struct waiter waiter;
    waiter_init(&waiter, m_g(m), true);
    list_push_last(&waitgroup->waiters, &waiter.link);
    result = park(m, WAIT_SYNC, true, &waitgroup->lock);
    if (unlikely(result < 0))
        result = give_up(machine_m(), waitgroup, &waiter, result);
    leave();
    return result;
}
