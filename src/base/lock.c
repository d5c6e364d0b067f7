/* SPDX-License-Identifier: MIT */
/* lock.c: the slow half of lock.h: spin a little, then sleep. */
#include "base/lock.h"

#include <errno.h>

#include "base/os.h"
#include "base/os_fd.h"
#include "base/panic.h"

enum { SPINS = 64 };

bool rung_is_solo;

#ifdef RUNG_ASSERT

static __thread struct {
    uint32_t count[RANKS];
    const union lock *last[RANKS];
} held;

/* Never inlined: the caller may have come from another thread, and knows that one's address of `held`. */
noinline void rank_push(const union lock *lock, enum lock_rank rank)
{
    if (rank == RANK_NONE)
        return;
    for (enum lock_rank above = rank + 1; above < RANKS; above++)
        if (held.count[above] != 0)
            panic("internal error: a lock of rank %d taken while one of rank %d is held", rank, above);
    if (held.count[rank] != 0 && rank >= RANK_SCOPE && rank < RANK_SCOPE_LAST)
        panic("internal error: two locks of rank %d taken, of which only one lies on a way down the tree", rank);
    if (held.count[rank] != 0 && rank != RANK_SCOPE_LAST && held.last[rank] >= lock)
        panic("internal error: two locks of rank %d taken against the order of their addresses", rank);
    held.count[rank]++;
    held.last[rank] = lock;
}

noinline void rank_pop(enum lock_rank rank)
{
    if (rank == RANK_NONE)
        return;
    check(held.count[rank] != 0);
    held.count[rank]--;
}

noinline void rank_check_none(void)
{
    for (enum lock_rank rank = RANK_NONE + 1; rank < RANKS; rank++)
        if (held.count[rank] != 0)
            panic("internal error: a lock of rank %d held over a switch", rank);
}

#endif

/*
 * A sleeper leaves is_contended set for those who sleep beside it: once a lock has had sleepers,
 * each that takes it after sleeping wakes one more on release. Wasted wakes end with the last.
 */
void lock_acquire_slow(union lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_relaxed(&lock->is_locked) == 0 && lock_try_acquire(lock))
            return;
        cpu_relax();
    }
    for (;;) {
        atomic_store_relaxed(&lock->is_contended, 1);
        fence_heavy(); /* pairs with lock_release */
        union lock seen = { .is_locked = 1, .is_contended = 1, .rank = atomic_load_relaxed(&lock->rank) };
        os_futex_wait(&lock->word, seen.word, INT64_MAX);
        if (lock_try_acquire(lock)) {
            atomic_store_relaxed(&lock->is_contended, 1);
            return;
        }
    }
}

cold void lock_wake(union lock *lock)
{
    atomic_store_relaxed(&lock->is_contended, 0);
    os_futex_wake(&lock->word, 1);
}

cold void object_wake(union lock *lock)
{
    os_futex_wake(&lock->word, 1);
}

void note_wake(struct note *note)
{
    if (atomic_swap_acq_rel(&note->state, NOTE_SET) != NOTE_POLLS) { /* release: pairs with note_sleep, note_take */
        os_futex_wake(&note->state, 1);
        return;
    }
    int error = os_event_set(atomic_load_relaxed(&note->event));
    if (error != 0)
        panic("somebody has closed a descriptor of rung's own (error %d): who sleeps can be woken no more", -error);
}

bool note_sleep(struct note *note, int64_t until)
{
    while (atomic_load_acquire(&note->state) == 0) { /* acquire: pairs with note_wake */
        if (os_futex_wait(&note->state, 0, until) == -ETIMEDOUT)
            return atomic_load_acquire(&note->state) != 0;
    }
    return true;
}

bool note_poll_begin(struct note *note)
{
    uint32_t state = 0;
    return atomic_cas_acq_rel(&note->state, &state, NOTE_POLLS); /* pairs with note_wake */
}

bool note_poll_end(struct note *note)
{
    uint32_t state = NOTE_POLLS;
    return atomic_cas_acq_rel(&note->state, &state, 0); /* pairs with note_wake */
}
