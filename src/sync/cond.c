/* SPDX-License-Identifier: MIT */
/*
 * cond.c: a condition variable: a list of waiters.
 *
 * The waiter enters the list before the mutex is released, and cond's lock is held until it is parked: a
 * signal sent by whoever takes the mutex next finds it.
 */
#include "sync/mutex.h"

#include <errno.h>

struct cond {
    union lock lock;
    struct list waiters;
};

_Static_assert(sizeof(struct cond) <= sizeof(rung_cond), "rung.h: rung_cond");

int rung_cond_wait(rung_cond *public_cond, rung_mutex *public_mutex)
{
    struct cond *cond = (struct cond *)public_cond;
    struct mutex *mutex = (struct mutex *)public_mutex;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int result = atomic_load_relaxed(&m_g(m)->ended);
    if (unlikely(result != 0)) {
        leave_m(m);
        return result;
    }
    struct waiter waiter;
    object_lock_ranked(&cond->lock, RANK_COND);
    waiter_init(&waiter, m_g(m), true);
    list_push_last(&cond->waiters, &waiter.link);
    mutex_unlock(m, mutex);
    result = park(m, WAIT_COND, true, &cond->lock);
    m = machine_m();
    if (unlikely(result < 0)) {
        object_lock_ranked(&cond->lock, RANK_COND);
        list_remove(&cond->waiters, &waiter.link);
        object_unlock(&cond->lock);
    }
    m = mutex_lock(m, mutex);
    leave_m(m);
    return result;
}

void rung_cond_signal(rung_cond *public_cond)
{
    struct cond *cond = (struct cond *)public_cond;
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    object_lock_ranked(&cond->lock, RANK_COND);
    struct waiter *waiter = waiter_claim_first(&cond->waiters);
    object_unlock(&cond->lock);
    if (waiter != NULL)
        ready(m, waiter->g, 0);
    leave_m(m);
}

void rung_cond_broadcast(rung_cond *public_cond)
{
    struct cond *cond = (struct cond *)public_cond;
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    object_lock_ranked(&cond->lock, RANK_COND);
    struct link *all = waiter_claim_all(&cond->waiters);
    object_unlock(&cond->lock);
    waiter_ready_all(m, all);
    leave_m(m);
}
