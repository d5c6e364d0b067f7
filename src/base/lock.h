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
 * Ranks: a thread may take a lock only above those that it holds. Debug builds count what each thread holds of
 * each rank, and panic at the first lock out of order, whether or not another thread meets it there.
 */
#ifndef RUNG_LOCK_H
#define RUNG_LOCK_H

#include "base/atomic.h"

/* Lowest first. Several of one rank may be held by rising address; of one scopes' rank only one, but of the last. */
enum lock_rank {
    RANK_NONE,     /* unchecked: taken alone */
    RANK_TAKE,     /* m.take */
    RANK_TIMER,    /* rung_timer.lock */
    RANK_TIMERS,   /* timers.lock */
    RANK_SCOPE,    /* g.scope_lock, group.lock: down the tree, with a rank for each step (scope.c) */
    RANK_SCOPE_LAST = RANK_SCOPE + 31, /* and for all that is deeper */
    RANK_COND,     /* cond.lock: the mutex is unlocked under it */
    RANK_OBJECT,   /* chan.lock, and those of all that goroutines wait for */
    RANK_STARTING, /* m.c's */
    RANK_SCHED,    /* sched.lock */
    RANK_STACKS,   /* stacks.lock */
    RANKS
};

union lock {
    uint32_t word; /* what the futex compares */
    struct {
        uint8_t is_locked;
        uint8_t is_contended;
        uint8_t rank; /* of the runtime's set once; of an object's and a scope's set while it is held, in debug builds */
    };
};

enum { OBJECT_LOCKED = 1 }; /* is_locked in word: both CPUs are little-endian */

#ifdef RUNG_ASSERT
enum { RANKS_ARE_CHECKED = 1 };
void rank_push(const union lock *lock, enum lock_rank rank);
void rank_pop(enum lock_rank rank);
/* No lock is held over a switch to a goroutine. */
void rank_check_none(void);
#define rank_remember(lock, value) atomic_store_relaxed(&(lock)->rank, (uint8_t)(value))
#define rank_remembered(lock)      ((enum lock_rank)atomic_load_relaxed(&(lock)->rank))
#else
enum { RANKS_ARE_CHECKED = 0 };
#define rank_push(lock, rank)      ((void)0)
#define rank_pop(rank)             ((void)0)
#define rank_check_none()          ((void)0)
#define rank_remember(lock, value) ((void)(value))
#define rank_remembered(lock)      ((void)(lock), RANK_NONE)
#endif

void lock_acquire_slow(union lock *lock);
void lock_wake(union lock *lock);
void object_wake(union lock *lock);

static always_inline bool lock_try_acquire(union lock *lock)
{
    return atomic_swap_acquire(&lock->is_locked, 1) == 0; /* acquire: pairs with lock_release */
}

/* With a rank that may be another each time; lock_release knows it. */
static always_inline void lock_acquire_ranked(union lock *lock, enum lock_rank rank)
{
    rank_push(lock, rank);
    if (unlikely(!lock_try_acquire(lock)))
        lock_acquire_slow(lock);
    rank_remember(lock, rank);
}

static always_inline void lock_acquire(union lock *lock)
{
    lock_acquire_ranked(lock, rank_remembered(lock));
}

static always_inline void lock_release(union lock *lock)
{
    rank_pop(rank_remembered(lock));
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
 * objects, between enter and leave. Then nothing needs to be locked, here and in claim and ready (sched/park.h). The
 * mode changes only while nobody is in the runtime (sched/m.c, run.c): who asks once, and tells the functions
 * whose names end in _in, has two paths without further questions.
 */
extern bool rung_is_solo; /* atomic */

static always_inline bool is_solo(void)
{
    return likely(atomic_load_relaxed(&rung_is_solo));
}

static always_inline void object_lock_ranked_in(union lock *lock, enum lock_rank rank, bool solo)
{
    rank_push(lock, rank);
    /* Of the word, as the release: a swap of another size than the last store waits for that to leave the CPU. */
    if (!solo && unlikely((atomic_or_acquire(&lock->word, OBJECT_LOCKED) & OBJECT_LOCKED) != 0)) /* pairs with object_unlock */
        lock_acquire_slow(lock);
    rank_remember(lock, rank);
}

static always_inline void object_lock_ranked(union lock *lock, enum lock_rank rank)
{
    object_lock_ranked_in(lock, rank, is_solo());
}

static always_inline void object_lock_in(union lock *lock, bool solo)
{
    object_lock_ranked_in(lock, RANK_OBJECT, solo);
}

static always_inline void object_lock(union lock *lock)
{
    object_lock_in(lock, is_solo());
}

/* The same, and whoever sleeps for it is yet to be woken, by object_wake, if this gives back true. */
static always_inline bool object_unlock_only(union lock *lock, bool solo)
{
    rank_pop(atomic_load_relaxed(&lock->rank));
    if (likely(solo))
        return false;
    union lock seen = { .word = atomic_swap_acq_rel(&lock->word, 0) }; /* release: pairs with lock_try_acquire */
    return seen.is_contended;
}

static always_inline void object_unlock_in(union lock *lock, bool solo)
{
    if (unlikely(object_unlock_only(lock, solo)))
        object_wake(lock);
}

static always_inline void object_unlock(union lock *lock)
{
    object_unlock_in(lock, is_solo());
}

/*
 * A note is set once, and slept on by one thread; clear it before each use. Who has to hear of descriptors too sleeps in
 * a poll of the kernel's instead, which its `event`, an eventfd, ends.
 */
enum { NOTE_SET = 1, NOTE_POLLS = 2 };

struct note {
    uint32_t state; /* atomic: 0, NOTE_SET, or NOTE_POLLS: its sleeper is about to poll */
    int32_t event;  /* atomic; set before NOTE_POLLS; 0: none */
};

static always_inline void note_clear(struct note *note)
{
    atomic_store_relaxed(&note->state, 0);
}

/* The same, where what whoever has set it did before is looked at then. */
static always_inline void note_take(struct note *note)
{
    (void)atomic_swap_acq_rel(&note->state, 0); /* acquire: pairs with note_wake */
}

void note_wake(struct note *note);
/* Sleeps until the note is set, or until the absolute time. Gives back whether it is set. */
bool note_sleep(struct note *note, int64_t until);

/* Before and after polling for the event. Each gives back false, and it is over, once the note is set. */
bool note_poll_begin(struct note *note);
bool note_poll_end(struct note *note);

#endif
