/* SPDX-License-Identifier: MIT */
/*
 * mutex.c: one swap to lock, a plain store to unlock.
 *
 * Unlocking must not miss a waiter, and must not cost a locked instruction. So (Dekker):
 *   unlock:  1. is_locked = 0      2. fence_light    3. load has_waiters; if set, wake the first
 *   wait:    1. has_waiters = 1    2. fence_heavy    3. try is_locked once more; then park
 * While has_waiters stays set the heavy fence is not needed: every unlock looks.
 *
 * Who is woken competes with newcomers, since handing the lock over each time would cost a switch
 * for each; but after it has lost PATIENCE times the lock is handed to it, and meanwhile
 * newcomers queue. A waiter that lost goes back to the head of the queue.
 *
 * As with pthreads, the memory may be freed once nobody is in a call on it, the unlocker included.
 */
#include "sync/mutex.h"

#include <errno.h>

enum { PATIENCE = 4, SPINS = 30, OWNED = 1 };

/*
 * Of the byte alone: a compare-and-swap of both bytes just after unlock has stored one waits until that store has
 * left the CPU's store buffer, 5 ns more.
 */
static always_inline bool try_lock(struct mutex *mutex)
{
    return atomic_load_relaxed(&mutex->is_locked) == 0 &&
           atomic_swap_acquire(&mutex->is_locked, 1) == 0; /* acquire: pairs with mutex_unlock */
}

/* For newcomers: who waits goes first. One that comes just before the first waiter may still win. */
static always_inline bool try_lock_fast(struct mutex *mutex)
{
    return atomic_load_relaxed(&mutex->has_waiters) == 0 && try_lock(mutex);
}

/* The lock held, nobody served before: may a newcomer take it? Not while someone has lost patience. */
static bool has_starving_locked(struct mutex *mutex)
{
    struct link *link = mutex->waiters.first;
    return link != NULL && container_of(link, struct waiter, link)->number >= PATIENCE;
}

static bool spin(struct mutex *mutex)
{
    if (atomic_load_relaxed(&sched.procs) == 1)
        return false;
    for (int i = 0; i < SPINS; i++) {
        if (try_lock_fast(mutex))
            return true;
        cpu_relax();
    }
    return false;
}

/* lock held. Steps 1 to 3 of waiting; true if the mutex was got after all. */
static bool prepare_to_wait(struct mutex *mutex)
{
    if (!atomic_load_relaxed(&mutex->has_waiters)) {
        atomic_store_relaxed(&mutex->has_waiters, 1);
        fence_heavy(); /* pairs with mutex_unlock */
    }
    return try_lock(mutex);
}

static void forget_waiter(struct mutex *mutex, struct waiter *waiter)
{
    object_lock(&mutex->lock);
    list_remove(&mutex->waiters, &waiter->link);
    object_unlock(&mutex->lock);
}

/* Gives back 0 with the mutex held, or the scope's error; *pm is the m it then runs on. */
static noinline int lock_slow(struct m **pm, struct mutex *mutex, bool is_scoped)
{
    struct m *m = *pm;
    struct waiter waiter = { .number = 0 };
    if (spin(mutex))
        return 0;
    for (uint32_t lost = 0;; lost++) {
        object_lock(&mutex->lock);
        if ((lost > 0 || !has_starving_locked(mutex)) && prepare_to_wait(mutex)) {
            if (list_is_empty(&mutex->waiters))
                atomic_store_relaxed(&mutex->has_waiters, 0);
            object_unlock(&mutex->lock);
            return 0;
        }
        waiter_init(&waiter, m_g(m), is_scoped);
        waiter.number = lost;
        if (lost > 0)
            list_push_first(&mutex->waiters, &waiter.link);
        else
            list_push_last(&mutex->waiters, &waiter.link);
        int result = park(m, WAIT_SYNC, is_scoped, &mutex->lock);
        *pm = m = machine_m();
        if (result == OWNED)
            return 0;
        if (result < 0) {
            forget_waiter(mutex, &waiter);
            return result;
        }
    }
}

/* Wakes the first waiter, or hands it the mutex if it has lost patience. */
static noinline void unlock_slow(struct m *m, struct mutex *mutex)
{
    struct waiter *waiter = NULL;
    int result = 0;
    object_lock(&mutex->lock);
    if (has_starving_locked(mutex)) {
        if (try_lock(mutex)) { /* else its new holder will do this */
            waiter = waiter_claim_first(&mutex->waiters);
            result = OWNED;
            if (waiter == NULL)
                atomic_store_release(&mutex->is_locked, 0); /* all gave up; nobody waits: nothing to miss */
        }
    } else {
        waiter = waiter_claim_first(&mutex->waiters);
    }
    if (list_is_empty(&mutex->waiters))
        atomic_store_relaxed(&mutex->has_waiters, 0);
    object_unlock(&mutex->lock);
    if (waiter != NULL)
        ready(m, waiter->g, result);
}

static cold void unlock_contended(struct mutex *mutex)
{
    struct m *m = enter();
    if (m == NULL)
        panic_forked();
    unlock_slow(m, mutex);
    leave_m(m);
}

/* Steps 1 to 3 of unlocking; true if somebody may wait. */
static always_inline bool unlock_fast(struct mutex *mutex)
{
    if (unlikely(!atomic_load_relaxed(&mutex->is_locked)))
        panic("unlock of an unlocked mutex");
    atomic_store_release(&mutex->is_locked, 0); /* release: pairs with try_lock */
    fence_light();                              /* pairs with prepare_to_wait */
    return atomic_load_relaxed(&mutex->has_waiters) != 0;
}

void mutex_unlock(struct m *m, struct mutex *mutex)
{
    if (unlock_fast(mutex))
        unlock_slow(m, mutex);
}

struct m *mutex_lock(struct m *m, struct mutex *mutex)
{
    if (!try_lock_fast(mutex))
        (void)lock_slow(&m, mutex, false);
    return m;
}

static cold int lock_contended(struct mutex *mutex, bool is_scoped)
{
    struct m *m = enter();
    if (m == NULL)
        panic_forked();
    int result = lock_slow(&m, mutex, is_scoped);
    leave_m(m);
    return result;
}

void rung_mutex_lock(rung_mutex *mutex)
{
    if (unlikely(!try_lock_fast((struct mutex *)mutex)))
        (void)lock_contended((struct mutex *)mutex, false);
}

int rung_mutex_lock_scoped(rung_mutex *mutex)
{
    int ended = rung_scope_error();
    if (ended != 0)
        return ended;
    if (likely(try_lock_fast((struct mutex *)mutex)))
        return 0;
    return lock_contended((struct mutex *)mutex, true);
}

bool rung_mutex_try_lock(rung_mutex *mutex)
{
    return try_lock_fast((struct mutex *)mutex);
}

void rung_mutex_unlock(rung_mutex *mutex)
{
    if (unlikely(unlock_fast((struct mutex *)mutex)))
        unlock_contended((struct mutex *)mutex);
}
