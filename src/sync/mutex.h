/* SPDX-License-Identifier: MIT */
/* mutex.h: the mutex, for mutex.c and cond.c. */
#ifndef RUNG_MUTEX_H
#define RUNG_MUTEX_H

#include "sync/wait.h"

/*
 *   is_locked     held. Stored by the holder alone when it unlocks
 *   has_waiters   `waiters` is or was not empty: unlock must look. Under lock; legal to be left set too
 *                 long, illegal to be 0 while somebody waits
 */
struct mutex {
    uint8_t is_locked;
    uint8_t has_waiters;
    union lock lock; /* guards waiters */
    struct list waiters;
};

_Static_assert(sizeof(struct mutex) <= sizeof(rung_mutex), "rung.h: rung_mutex");

/* For cond: on behalf of m's goroutine, between enter and leave. */
void mutex_unlock(struct m *m, struct mutex *mutex);
/* Takes it under no scope; gives back the m that it then runs on. */
struct m *mutex_lock(struct m *m, struct mutex *mutex);

#endif
