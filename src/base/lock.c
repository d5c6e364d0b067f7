/* SPDX-License-Identifier: MIT */
/* lock.c: the slow half of lock.h: spin a little, then sleep. */
#include "base/lock.h"

#include <errno.h>

#include "base/os.h"

enum { SPINS = 64 };

bool rung_is_solo;

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
        union lock seen = { .is_locked = 1, .is_contended = 1 };
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
    atomic_store_release(&note->is_set, 1); /* release: pairs with note_sleep */
    os_futex_wake(&note->is_set, 1);
}

bool note_sleep(struct note *note, int64_t until)
{
    while (atomic_load_acquire(&note->is_set) == 0) { /* acquire: pairs with note_wake */
        if (os_futex_wait(&note->is_set, 0, until) == -ETIMEDOUT)
            return atomic_load_acquire(&note->is_set) != 0;
    }
    return true;
}
