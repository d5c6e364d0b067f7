/* SPDX-License-Identifier: MIT */
/* park.c: the halves of park.h that run on g0 or off the fast path. */
#include "sched/park.h"

#include "sched/find.h"

/* Steps 4 to 6 of park.h's recipe. False if the scope had ended and g is this m's again. */
static always_inline bool make_reachable(struct m *m, struct g *g)
{
    uint32_t ticket = ticket_next(g, m->park_is_scoped);
    g->reason = m->park_reason;
    g->since = atomic_load_relaxed(&sched.coarse_now);
    atomic_store_relaxed(&g->status, G_WAITING);
    atomic_store_release(&g->wait, ticket); /* release: pairs with claim */
    if (likely(m->park_lock != NULL))
        object_unlock(m->park_lock);
    else if (m->park_commit != NULL)
        m->park_commit(g, m->park_arg);
    fence_light(); /* pairs with scope.c's fence_heavy */
    if (likely(atomic_load_relaxed(&g->ended) == 0) || !(ticket & WAIT_SCOPED) || !claim(g, ticket))
        return true;
    g->wait_result = g->ended;
    return false;
}

hot void park_m(void *goroutine, void *machine)
{
    struct g *g = goroutine;
    struct m *m = machine;
    if (MUTANT(PUBLISH_EARLY) && m->park_lock != NULL) {
        object_unlock(m->park_lock);
        m->park_lock = NULL;
    }
    stop_running(m, g);
    if (unlikely(!make_reachable(m, g)))
        execute(m, g);
    schedule(m);
}

hot void yield_m(void *goroutine, void *machine)
{
    struct g *g = goroutine;
    struct m *m = machine;
    stop_running(m, g);
    atomic_store_relaxed(&g->status, G_RUNNABLE);
    runq_put(m->p, g);
    schedule(m);
}

/* A thread counts as asleep from before it can be woken until its waker says otherwise (deadlock check). */
int park_thread(struct m *m, struct g *g)
{
    atomic_add_relaxed(&sched.threads_asleep, 1);
    if (unlikely(!make_reachable(m, g))) {
        atomic_add_relaxed(&sched.threads_asleep, -1);
        atomic_store_relaxed(&g->status, G_RUNNING);
        return g->wait_result;
    }
    note_sleep(&g->note, INT64_MAX);
    note_clear(&g->note);
    atomic_store_relaxed(&g->status, G_RUNNING);
    return g->wait_result;
}

/* A thread's goroutine, a maker without a p, or chaos: any queue will do there. */
noinline void ready_slow(struct m *m, struct g *g)
{
    if (g->is_thread) {
        atomic_add_relaxed(&sched.threads_asleep, -1);
        note_wake(&g->note);
        return;
    }
    if (m->p == NULL || chaos(m, 4))
        global_put(g);
    else if (chaos(m, 2))
        runq_put(m->p, g);
    else
        runq_put_next(m->p, g);
    fence_light(); /* pairs with find.c's fence_heavy */
    p_wake();
}
