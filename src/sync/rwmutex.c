/* SPDX-License-Identifier: MIT */
/*
 * rwmutex.c: many readers or one writer, in the order they came: a reader that finds anybody waiting
 * waits too, so that writers are not starved; when it is free, the first writer or all readers
 * before the next writer get it, handed over.
 */
#include "sync/wait.h"

#include <errno.h>

enum { READER = 1, WRITER = 2 };

struct rwmutex {
    union lock lock;
    uint32_t readers;  /* that hold it */
    bool is_written;   /* a writer holds it */
    struct list waiters;
};

_Static_assert(sizeof(struct rwmutex) <= sizeof(rung_rwmutex), "rung.h: rung_rwmutex");

static bool fits(const struct rwmutex *rwmutex, uint32_t kind)
{
    return !rwmutex->is_written && (kind == READER || rwmutex->readers == 0);
}

static void take(struct rwmutex *rwmutex, uint32_t kind)
{
    if (kind == READER)
        rwmutex->readers++;
    else
        rwmutex->is_written = true;
}

/* Hands it to the first waiters that fit; gives back the chain of the claimed. */
static struct link *serve_locked(struct rwmutex *rwmutex)
{
    struct link *chain = NULL;
    while (!list_is_empty(&rwmutex->waiters)) {
        struct waiter *waiter = container_of(rwmutex->waiters.first, struct waiter, link);
        if (!fits(rwmutex, waiter->number))
            break;
        list_remove(&rwmutex->waiters, &waiter->link);
        if (!claim(waiter->g, waiter->ticket))
            continue;
        take(rwmutex, waiter->number);
        waiter->link.next = chain;
        chain = &waiter->link;
    }
    return chain;
}

static bool try_locked(struct rwmutex *rwmutex, uint32_t kind)
{
    if (!list_is_empty(&rwmutex->waiters) || !fits(rwmutex, kind))
        return false;
    take(rwmutex, kind);
    return true;
}

static int acquire(rung_rwmutex *public_rwmutex, uint32_t kind, bool is_scoped)
{
    struct rwmutex *rwmutex = (struct rwmutex *)public_rwmutex;
    struct m *m = enter();
    if (unlikely(m == NULL && is_scoped))
        return -ENOTRECOVERABLE;
    if (unlikely(m == NULL))
        panic_forked();
    int result = is_scoped ? atomic_load_relaxed(&m_g(m)->ended) : 0;
    if (unlikely(result != 0)) {
        leave_m(m);
        return result;
    }
    object_lock(&rwmutex->lock);
    if (likely(try_locked(rwmutex, kind))) {
        object_unlock(&rwmutex->lock);
        leave_m(m);
        return 0;
    }
    struct waiter waiter;
    waiter_init(&waiter, m_g(m), is_scoped);
    waiter.number = kind;
    list_push_last(&rwmutex->waiters, &waiter.link);
    result = park(m, WAIT_SYNC, is_scoped, &rwmutex->lock);
    m = machine_m();
    if (unlikely(result < 0)) {
        object_lock(&rwmutex->lock);
        list_remove(&rwmutex->waiters, &waiter.link);
        struct link *chain = serve_locked(rwmutex); /* readers that waited behind a writer that gave up */
        object_unlock(&rwmutex->lock);
        waiter_ready_all(m, chain);
    }
    leave_m(m);
    return result;
}

static bool try_acquire(rung_rwmutex *public_rwmutex, uint32_t kind)
{
    struct rwmutex *rwmutex = (struct rwmutex *)public_rwmutex;
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    object_lock(&rwmutex->lock);
    bool got = try_locked(rwmutex, kind);
    object_unlock(&rwmutex->lock);
    leave_m(m);
    return got;
}

static void release(rung_rwmutex *public_rwmutex, uint32_t kind)
{
    struct rwmutex *rwmutex = (struct rwmutex *)public_rwmutex;
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    object_lock(&rwmutex->lock);
    bool is_held = kind == READER ? rwmutex->readers > 0 : rwmutex->is_written;
    if (unlikely(!is_held)) {
        object_unlock(&rwmutex->lock);
        panic(kind == READER ? "read_unlock of an rwmutex that is not locked for reading"
                             : "unlock of an unlocked rwmutex");
    }
    if (kind == READER)
        rwmutex->readers--;
    else
        rwmutex->is_written = false;
    struct link *chain = serve_locked(rwmutex);
    object_unlock(&rwmutex->lock);
    waiter_ready_all(m, chain);
    leave_m(m);
}

void rung_rwmutex_lock(rung_rwmutex *rwmutex)
{
    (void)acquire(rwmutex, WRITER, false);
}

int rung_rwmutex_lock_scoped(rung_rwmutex *rwmutex)
{
    return acquire(rwmutex, WRITER, true);
}

bool rung_rwmutex_try_lock(rung_rwmutex *rwmutex)
{
    return try_acquire(rwmutex, WRITER);
}

void rung_rwmutex_unlock(rung_rwmutex *rwmutex)
{
    release(rwmutex, WRITER);
}

void rung_rwmutex_read_lock(rung_rwmutex *rwmutex)
{
    (void)acquire(rwmutex, READER, false);
}

int rung_rwmutex_read_lock_scoped(rung_rwmutex *rwmutex)
{
    return acquire(rwmutex, READER, true);
}

bool rung_rwmutex_try_read_lock(rung_rwmutex *rwmutex)
{
    return try_acquire(rwmutex, READER);
}

void rung_rwmutex_read_unlock(rung_rwmutex *rwmutex)
{
    release(rwmutex, READER);
}
