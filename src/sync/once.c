/* SPDX-License-Identifier: MIT */
/* once.c: a function that runs once; the others wait for its end. */
#include "sync/wait.h"

enum { ONCE_RUNNING = 1, ONCE_DONE = 2 }; /* 0: not yet */

struct once {
    uint32_t state;  /* atomic; changed under lock */
    union lock lock;
    struct list waiters;
};

_Static_assert(sizeof(struct once) <= sizeof(rung_once), "rung.h: rung_once");

static void finish(struct once *once)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    object_lock(&once->lock);
    atomic_store_release(&once->state, ONCE_DONE); /* release: pairs with rung_once_do */
    struct link *all = waiter_claim_all(&once->waiters);
    object_unlock(&once->lock);
    waiter_ready_all(m, all);
    leave_m(m);
}

static noinline void do_slow(struct once *once, void (*fn)(void *arg), void *arg)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    object_lock(&once->lock);
    if (once->state == ONCE_RUNNING) {
        struct waiter waiter;
        waiter_init(&waiter, m_g(m), false);
        list_push_last(&once->waiters, &waiter.link);
        park(m, WAIT_SYNC, false, &once->lock);
        leave();
        return;
    }
    bool is_mine = once->state == 0;
    if (is_mine)
        atomic_store_relaxed(&once->state, ONCE_RUNNING);
    object_unlock(&once->lock);
    leave_m(m);
    if (is_mine) {
        if (unlikely(fn == NULL))
            panic("rung_once_do of a NULL function");
        fn(arg);
        finish(once);
    }
}

void rung_once_do(rung_once *public_once, void (*fn)(void *arg), void *arg)
{
    struct once *once = (struct once *)public_once;
    if (likely(atomic_load_acquire(&once->state) == ONCE_DONE)) /* acquire: pairs with finish */
        return;
    do_slow(once, fn, arg);
}
