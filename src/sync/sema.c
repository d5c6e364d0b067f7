/* SPDX-License-Identifier: MIT */
/*
 * sema.c: a counting semaphore, first come first served: a big request at the head of the queue keeps smaller
 * ones waiting behind it, so that it is never starved.
 *
 * Invariant, under lock: the first waiter asks for more than `count`. A waiter that a scope took away
 * may leave one behind it that now fits: whoever takes it out serves the queue again.
 */
#include "sync/wait.h"

#include <errno.h>

struct sema {
    union lock lock;
    uint64_t count;
    struct list waiters;
};

_Static_assert(sizeof(struct sema) <= sizeof(rung_sema), "rung.h: rung_sema");

/* Claims, from the head, all that fit; gives back their chain, newest first. */
static struct link *serve_locked(struct sema *sema)
{
    struct link *chain = NULL;
    while (!list_is_empty(&sema->waiters)) {
        struct waiter *waiter = container_of(sema->waiters.first, struct waiter, link);
        if (waiter->number > sema->count)
            break;
        list_remove(&sema->waiters, &waiter->link);
        if (!claim(waiter->g, waiter->ticket))
            continue;
        sema->count -= waiter->number;
        waiter->link.next = chain;
        chain = &waiter->link;
    }
    return chain;
}

static bool try_locked(struct sema *sema, uint32_t count)
{
    if (!list_is_empty(&sema->waiters) || sema->count < count)
        return false;
    sema->count -= count;
    return true;
}

int rung_sema_acquire(rung_sema *public_sema, uint32_t count)
{
    struct sema *sema = (struct sema *)public_sema;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int result = atomic_load_relaxed(&m_g(m)->ended);
    if (unlikely(result != 0)) {
        leave_m(m);
        return result;
    }
    object_lock(&sema->lock);
    if (likely(try_locked(sema, count))) {
        object_unlock(&sema->lock);
        leave_m(m);
        return 0;
    }
    struct waiter waiter;
    waiter_init(&waiter, m_g(m), true);
    waiter.number = count;
    list_push_last(&sema->waiters, &waiter.link);
    result = park(m, WAIT_SYNC, true, &sema->lock);
    m = machine_m();
    if (unlikely(result < 0)) {
        object_lock(&sema->lock);
        list_remove(&sema->waiters, &waiter.link);
        struct link *chain = serve_locked(sema);
        object_unlock(&sema->lock);
        waiter_ready_all(m, chain);
    }
    leave_m(m);
    return result;
}

bool rung_sema_try_acquire(rung_sema *public_sema, uint32_t count)
{
    struct sema *sema = (struct sema *)public_sema;
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    object_lock(&sema->lock);
    bool got = try_locked(sema, count);
    object_unlock(&sema->lock);
    leave_m(m);
    return got;
}

void rung_sema_release(rung_sema *public_sema, uint32_t count)
{
    struct sema *sema = (struct sema *)public_sema;
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    object_lock(&sema->lock);
    sema->count += count;
    struct link *chain = serve_locked(sema);
    object_unlock(&sema->lock);
    waiter_ready_all(m, chain);
    leave_m(m);
}
