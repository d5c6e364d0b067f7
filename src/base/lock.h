/* SPDX-License-Identifier: MIT */
/*
 * lock.h: the runtime's own lock, and a note (a one-shot wake-up). Both sleep on a futex.
 *
 * Two kinds: locks of the runtime, in memory that stays, and locks of objects (below).
 *
 * A lock is held for tens of instructions, never across a park and never while user code runs.
 * It is taken by one swap and given back by a plain store: who has to sleep for it pays instead,
 * with the heavy half of an asymmetric fence (atomic.h).
 *
 * Protocol (Dekker, between the releaser and the sleeper):
 *   release: 1. is_locked = 0     2. fence_light    3. load is_contended; if set, wake
 *   sleep:   1. is_contended = 1  2. fence_heavy    3. futex_wait while is_locked and is_contended
 * Either the releaser sees is_contended, or the futex sees is_locked == 0 and does not sleep.
 *
 * The order in which locks may be taken is in sched/sched.h.
 */
#ifndef RUNG_LOCK_H
#define RUNG_LOCK_H

#include "base/atomic.h"

union lock {
    uint32_t word; /* what the futex compares */
    struct {
        uint8_t is_locked;
        uint8_t is_contended;
    };
};

void lock_acquire_slow(union lock *lock);
void lock_wake(union lock *lock);
void object_wake(union lock *lock);

static always_inline bool lock_try_acquire(union lock *lock)
{
    return atomic_swap_acquire(&lock->is_locked, 1) == 0; /* acquire: pairs with lock_release */
}

static always_inline void lock_acquire(union lock *lock)
{
    if (unlikely(!lock_try_acquire(lock)))
        lock_acquire_slow(lock);
}

static always_inline void lock_release(union lock *lock)
{
    atomic_store_release(&lock->is_locked, 0); /* release: pairs with lock_try_acquire */
    fence_light();                             /* pairs with lock_acquire_slow */
    if (unlikely(atomic_load_relaxed(&lock->is_contended)))
        lock_wake(lock);
}

/*
 * An object's lock lies in memory that is freed with the object, which may happen as soon as somebody else
 * can take the lock: so it is given back by one swap, after which the memory is not touched (a futex
 * wake of an address that is something else by now is harmless).
 *
 * Solo: with one processor, and no plain thread that has called rung, only the holder of that processor touches
 * objects, between enter and leave. Then plain loads and stores do, here and in claim (sched/park.h). The
 * mode changes only while nobody is in the runtime (sched/m.c).
 */
extern bool rung_is_solo;

static always_inline void object_lock(union lock *lock)
{
    if (likely(rung_is_solo)) {
        lock->is_locked = 1;
        return;
    }
    lock_acquire(lock);
}

static always_inline void object_unlock(union lock *lock)
{
    if (likely(rung_is_solo)) {
        atomic_store_relaxed(&lock->is_locked, 0);
        return;
    }
    union lock seen = { .word = atomic_swap_acq_rel(&lock->word, 0) }; /* release: pairs with lock_try_acquire */
    if (unlikely(seen.is_contended))
        object_wake(lock);
}

/* A note is set once, and slept on by one thread; clear it before each use. */
struct note {
    uint32_t is_set;
};

static always_inline void note_clear(struct note *note)
{
    atomic_store_relaxed(&note->is_set, 0);
}

void note_wake(struct note *note);
/* Sleeps until the note is set, or until the absolute time. Gives back whether it is set. */
bool note_sleep(struct note *note, int64_t until);

#endif
