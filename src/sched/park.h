/* SPDX-License-Identifier: MIT */
/*
 * park.h: entering and leaving the runtime, stopping a goroutine and making it ready.
 *
 * Every call of the API that touches shared state stands between enter and leave, and none nests:
 *
 *     struct m *m = enter();
 *     ...                          may park; then m is stale
 *     leave();
 *
 * The hand-shake with sysmon, which may take the p of an m that is not in the runtime (Dekker):
 *   enter:   1. in_runtime = 1   2. fence_light   3. load taken; if set, enter_slow
 *   sysmon:  1. taken = 1        2. fence_heavy   3. load in_runtime; if set, taken = 0 and no more
 * Either sysmon sees the m inside, or the m sees that its p is gone.
 *
 * Parking, on the goroutine and then on g0:
 *   1. put waiters where others will find them, under the lock that guards them; keep the lock
 *   2. mcall(park_m): save the caller's {sp, pc, bp} and registers in g
 *   3. cut g0's link to the goroutine's stack
 *   4. open g->wait: from here on, who can reach g may claim it
 *   5. release the lock: others can reach g now. (Timers: start them now, not before 4.)
 *   6. fence_light, then load g->ended, the error of its scope: if set, claim g oneself and go on
 *      (the canceller: store g->ended, fence_heavy, load g->wait; g is type-stable, its scope is not)
 *   7. schedule()
 * Waking: claim g->wait by compare-and-swap, store wait_result, then ready(g). Only the winner touches g.
 */
#ifndef RUNG_PARK_H
#define RUNG_PARK_H

#include "base/os.h"
#include "machine/sanitize.h"
#include "sched/runq.h"
#include "sched/sched.h"

/* ---- enter and leave ---- */

cold noreturn void panic_forked(void);

/* NULL in the child of a fork. */
static always_inline struct m *enter(void)
{
    struct m *m = machine_m();
    if (unlikely(m == NULL) && (m = m_adopt()) == NULL)
        return NULL;
    atomic_store_relaxed(&m->in_runtime, 1);
    fence_light(); /* pairs with sysmon's fence_heavy */
    if (unlikely(atomic_load_relaxed(&m->interrupt) != 0))
        m = enter_slow(m);
    return m;
}

/* For the path that has not parked since enter gave m back. */
static always_inline void leave_m(struct m *m)
{
    atomic_store_release(&m->in_runtime, 0); /* release: pairs with sysmon's load: p's state is whole */
}

static always_inline void leave(void)
{
    leave_m(machine_m());
}

/* ---- waking ---- */

/* Takes the right to wake g out of the park whose ticket this is. */
static always_inline bool claim(struct g *g, uint32_t ticket)
{
    uint32_t open = ticket;
    if (likely(rung_is_solo)) {
        if (g->wait != ticket)
            return false;
        atomic_store_relaxed(&g->wait, ticket & ~(uint32_t)WAIT_OPEN);
        return true;
    }
    return atomic_cas_acq_rel(&g->wait, &open, ticket & ~(uint32_t)WAIT_OPEN); /* pairs with make_reachable */
}

static always_inline uint32_t ticket_after(uint32_t word, bool is_scoped)
{
    return ((word | (WAIT_TICKET - 1)) + 1) | WAIT_OPEN | (is_scoped ? WAIT_SCOPED : 0);
}

/* The word that the next park of g will open with. */
static always_inline uint32_t ticket_next(const struct g *g, bool is_scoped)
{
    return ticket_after(g->wait, is_scoped);
}

/* The rest of ready(): a thread's goroutine, or no p. */
void ready_slow(struct m *m, struct g *g);

/* Others may need to be woken for work that was just queued; pairs with find.c's fence_heavy. */
static always_inline void wake_others(struct m *m)
{
    fence_light();
    if (unlikely(atomic_load_relaxed(&sched.idle_procs) != 0) &&
        atomic_load_relaxed(&sched.spinning) == 0)
        p_wake_for(m);
}

/*
 * Makes a claimed goroutine runnable, next on this processor. A processor that idles is woken, but
 * with less and less zeal while waking it has been futile: see p_wake_for.
 */
static always_inline void ready(struct m *m, struct g *g, int result)
{
    assert(g->status == G_WAITING);
    g->wait_result = result;
    atomic_store_relaxed(&g->status, G_RUNNABLE);
    if (unlikely(m->p == NULL || g->is_thread || sched.chaos != 0)) {
        ready_slow(m, g);
        return;
    }
    runq_put_next(m->p, g);
    wake_others(m);
}

/* ---- parking ---- */

/* The mcall functions; on g0. */
void park_m(void *g, void *m);
void yield_m(void *g, void *m);

/* Stops a plain thread's goroutine: the thread sleeps until it is ready. */
int park_thread(struct m *m, struct g *g);

static always_inline void switch_to_g0(struct m *m, mcall_function *fn)
{
    sanitize_leave_g(m);
    machine_mcall(fn);
    sanitize_enter_g();
}

static always_inline int park_prepared(struct m *m)
{
    struct g *g = m_g(m);
    if (unlikely(g->is_thread))
        return park_thread(m, g);
    switch_to_g0(m, park_m);
    return g->wait_result;
}

/*
 * Parks the calling goroutine and gives back what its waker passed to ready: 0 or more, or the scope's
 * error (only if is_scoped). `lock`, an object's, which guards the waiters, is released once the goroutine is saved. On return
 * this may be another m.
 */
static always_inline int park(struct m *m, enum wait_reason reason, bool is_scoped, union lock *lock)
{
    m->park_reason = (uint8_t)reason;
    m->park_is_scoped = is_scoped;
    m->park_lock = lock;
    m->park_commit = NULL;
    return park_prepared(m);
}

/* The same with a function, called on g0 in the place of the lock's release. */
static always_inline int park_with(struct m *m, enum wait_reason reason, bool is_scoped,
                                   park_commit *commit, void *arg)
{
    m->park_reason = (uint8_t)reason;
    m->park_is_scoped = is_scoped;
    m->park_lock = NULL;
    m->park_commit = commit;
    m->park_arg = arg;
    return park_prepared(m);
}

/* ---- running ---- */

/*
 * Goes on with g, which nobody else can reach, on this m with its p; if g is pinned to another m, that one does. On
 * g0.
 */
static always_inline noreturn void execute(struct m *m, struct g *g)
{
    if (unlikely(g->is_pinned) && g->pinned != m)
        m_start_pinned(m, g);
    g->m = m;
    atomic_store_relaxed(&g->status, G_RUNNING);
    m->machine.g = g;
    *m->errno_location = g->saved_errno;
    if (unlikely(machine_fp_differs(&g->machine.fp, &m->machine.fp)))
        rung_fp_load(&m->machine, &g->machine.fp);
    m->p->switches++;
    sanitize_enter_stack(m, g);
    machine_gogo(g);
}

/* What every mcall function does first: the goroutine is saved, and no longer this m's to look at. */
static always_inline void stop_running(struct m *m, struct g *g)
{
    sanitize_on_g0(m);
    machine_link_cut(&m->machine);
    g->saved_errno = *m->errno_location;
    g->machine.fp = m->machine.fp;
    g->m = NULL;
}

#endif
