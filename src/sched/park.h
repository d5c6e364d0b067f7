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
 * Either sysmon sees the m inside, or the m sees that its p is gone. (Step 2 is a compiler's fence here; where a CPU's
 * is needed, interrupt is never 0 and enter_slow has it.)
 *
 * Departing from a goroutine, to park, to yield, to let another start, or for good:
 *   1. to park: put waiters where others will find them, under the lock that guards them; keep the lock
 *   2. next_local: is there a goroutine to go on with, on this p, without further questions?
 *   3. yes: m->departed = g; machine_switch saves the caller's {sp, pc, bp} and registers in g, and goes on with the next
 *      no: mcall does the same, and goes on on g0; cut g0's link to g's stack
 *   4. settle, on the other stack: now that g is saved and this thread is off its stack it may be reached by others
 *   5. g0: schedule_slow finds who goes on. Every place where a goroutine goes on begins with step 4 (arrive)
 * Settling, of who parks:
 *   a. open g->wait: from here on, who can reach g may claim it
 *   b. release the lock: others can reach g now. (Timers: start them now, not before a.)
 *   c. fence_light, then load g->ended, the error of its scope: if set, claim g oneself and make it ready
 *      (the canceller: store g->ended, fence_heavy, load g->wait; g is type-stable, its scope is not)
 * Waking: claim g->wait by compare-and-swap, store wait_result, then ready(g). Only the winner touches g.
 * (One other does, for microseconds: trim.c, which holds the word so that the claim waits.)
 */
#ifndef RUNG_PARK_H
#define RUNG_PARK_H

#include "base/os.h"
#include "machine/sanitize.h"
#include "sched/event.h"
#include "sched/runq.h"
#include "sched/timer.h"

/* ---- enter and leave ---- */

cold noreturn void panic_forked(void);

/* NULL in the child of a fork. */
static always_inline struct m *enter(void)
{
    struct m *m = machine_m();
    if (unlikely(m == NULL) && (m = m_adopt()) == NULL)
        return NULL;
    atomic_store_relaxed(&m->in_runtime, 1);
    fence_compiler(); /* pairs with sysmon's fence_heavy */
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

/* The claim word as claim takes it: whether it is held is claim's affair. */
static always_inline uint32_t wait_word(const struct g *g)
{
    return atomic_load_acquire(&g->wait) & ~(uint32_t)WAIT_HELD; /* acquire: pairs with make_reachable */
}

/* Waits until the word is not held any more; in trim.c. */
cold void trim_wait(const struct g *g);

/* Takes the right to wake g out of the park whose ticket this is. */
static always_inline bool claim_in(struct g *g, uint32_t ticket, bool solo)
{
    if (solo) {
        if (unlikely(atomic_load_relaxed(&g->wait) != ticket))
            return false;
        atomic_store_relaxed(&g->wait, ticket & ~(uint32_t)WAIT_OPEN);
        return true;
    }
    for (;;) {
        uint32_t open = ticket;
        if (likely(atomic_cas_acq_rel(&g->wait, &open, ticket & ~(uint32_t)WAIT_OPEN))) /* pairs with make_reachable */
            return true;
        if (likely(open != (ticket | WAIT_HELD)))
            return false;
        trim_wait(g);
    }
}

static always_inline bool claim(struct g *g, uint32_t ticket)
{
    return claim_in(g, ticket, is_solo());
}

static always_inline uint32_t ticket_after(uint32_t word, bool is_scoped)
{
    return ((word | (WAIT_TICKET - 1)) + 1) | WAIT_OPEN | (is_scoped ? WAIT_SCOPED : 0);
}

/* The word that the next park of g will open with. */
static always_inline uint32_t ticket_next(const struct g *g, bool is_scoped)
{
    return ticket_after(atomic_load_relaxed(&g->wait), is_scoped);
}

/* Queues a runnable one where there is no p, or chaos: any queue will do. */
void queue_slow(struct m *m, struct g *g);
/* The rest of ready(): a thread's goroutine, no p, chaos or tracing. */
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
static always_inline void ready_in(struct m *m, struct g *g, int result, bool solo)
{
    assert(g->status == G_WAITING);
    g->wait_result = result;
    if (unlikely(is_special()) || (!solo && unlikely(m->p == NULL || g->is_thread))) {
        ready_slow(m, g);
        return;
    }
    atomic_store_relaxed(&g->status, G_RUNNABLE);
    runq_put_next(m->p, g);
    if (!solo) /* else there is nobody to be woken */
        wake_others(m);
}

static always_inline void ready(struct m *m, struct g *g, int result)
{
    ready_in(m, g, result, is_solo());
}

/* ---- running ---- */

/* From now on m runs g, which nobody else can reach; what the CPU holds is put right by arrived. */
static always_inline void set_running(struct m *m, struct g *g)
{
    atomic_store_relaxed(&g->m, m);
    atomic_store_relaxed(&g->status, G_RUNNING);
    m->machine.g = g;
    *m->errno_location = g->saved_errno;
    atomic_count(&m->p->switches);
}

/* Loads the floating-point control of m's goroutine, and gives m back. */
struct m *take_fp(struct m *m);

/* The last thing before m's goroutine goes on. Gives m back. */
static always_inline struct m *arrived(struct m *m)
{
    rank_check_none();
    return unlikely(machine_fp_differs(&m_g(m)->machine.fp, &m->machine.fp)) ? take_fp(m) : m;
}

/*
 * Lets g, which nobody else can reach, go on on this m with its p; if g is pinned to another m, on that one. Gives
 * back whom mcall is to go on with. On g0.
 */
static always_inline struct g *execute(struct m *m, struct g *g)
{
    if (unlikely(g->is_pinned) && g->pinned != m)
        return m_start_pinned(m, g);
    m->departure = NO_DEPARTURE;
    if (unlikely(m->is_special))
        trace_start(m, g);
    set_running(m, g);
    arrived(m);
    return g;
}

/* What every mcall function does first: the goroutine is saved, and no longer this m's to look at. */
static always_inline void stop_running(struct m *m, struct g *g)
{
    sanitize_on_g0(&m->fiber);
    machine_link_cut(&m->machine);
    g->saved_errno = *m->errno_location;
    atomic_store_relaxed(&g->m, NULL);
}

/* ---- departing and arriving ---- */

/* Step a. Gives back the ticket with which g can be claimed. */
static always_inline uint32_t open_wait(struct m *m, struct g *g)
{
    uint32_t ticket = m->park_ticket;
    g->reason = m->park_reason;
    atomic_store_relaxed(&g->since, atomic_load_relaxed(&sched.coarse_now));
    atomic_store_relaxed(&g->status, G_WAITING);
    atomic_store_release(&g->wait, ticket); /* release: pairs with claim */
    return ticket;
}

/* Step c: whether the scope of g, which others may have reached by now, had ended: then g is to be claimed. */
static always_inline bool has_ended(struct g *g, uint32_t ticket)
{
    fence_light(); /* pairs with scope.c's fence_heavy */
    return unlikely(atomic_load_relaxed(&g->ended) != 0) && (ticket & WAIT_SCOPED);
}

/* Steps a to c. False if the scope had ended, and g is the caller's again. */
bool make_reachable(struct m *m, struct g *g);

/* Does what m->departed, if there is one, departed for. Gives m back. */
struct m *settle(struct m *m);
/* The same for one that has parked, and can be reached by others: what settle_parked has left to do. */
struct m *settle_rest(struct m *m, struct g *g, uint32_t ticket, bool has_sleeper);

/* By way of g0, for any mcall function. Gives back the m that the goroutine is on when it goes on. */
struct m *switch_to_g0(struct m *m, mcall_function *fn);

/*
 * next_local has found nobody, or one who has to run elsewhere. Gives back whom it takes a second look to find; NULL: by
 * way of g0; STAY: there is nothing to depart for any more, as a plain thread has slept, or nobody waits for a yield.
 */
struct g *next_slow(struct m *m, struct g *next, enum departure why);
#define STAY ((struct g *)1)

/* The exceptions that is_special stands for; what is traced is next_slow's. */
static always_inline bool may_go_on(struct m *m)
{
    return !m->is_thread && m->pinned_g == NULL && chaos(m, 2) && !is_traced() && !MUTANT(PUBLISH_EARLY);
}

/* next_local, for an m of which is known that nothing is special, or what. */
static always_inline struct g *next_queued(struct m *m, enum departure why)
{
    struct p *p = m->p;
    if (unlikely(atomic_load_relaxed(&p->timers.next) != INT64_MAX) && timers_may_be_due(p))
        return NULL;
    struct g *g = atomic_load_relaxed(&p->runnext); /* inherits the slice: no new turn */
    bool has_next = g != NULL;
    if (__builtin_expect(has_next, why != TO_YIELD) && likely((g = runq_next_swap(p, NULL)) != NULL))
        return g;
    if (unlikely(atomic_load_relaxed(&p->parents) != NULL) && (g = runq_get_parent_in_turn(p)) != NULL)
        return g;
    if (unlikely(p->turns_left == 0))
        return NULL;
    atomic_store_relaxed(&p->turns_left, p->turns_left - 1);
    return runq_get_ring(p);
}

/*
 * Who goes on on this p, taken out of its queue; NULL: ask schedule_slow. Only runnext, the parents and the ring, no
 * shared word touched but them.
 */
static always_inline struct g *next_local(struct m *m, enum departure why)
{
    if (unlikely(m->is_special) && !may_go_on(m))
        return NULL;
    return next_queued(m, why);
}

/*
 * To `next`, which was taken out of its queue; NULL: by way of g0. What follows has to be an arrival, on the m that this
 * gives back.
 */
static always_inline struct m *switch_to(struct m *m, struct g *next, enum departure why)
{
    struct g *g = m_g(m);
    m->departure = (uint8_t)why;
    if (likely(next != NULL)) {
        g->saved_errno = *m->errno_location;
        m->departed = g;
        fence_compiler(); /* a signal between here and the switch finds both stacks (dump.c) */
        if (MUTANT(SETTLE_EARLY))
            settle(m);
        set_running(m, next);
    } else {
        sanitize_leave_g(m);
    }
    return machine_switch(&m->machine, &g->machine, (struct machine_g *)next); /* its first member, or NULL */
}

/*
 * settle where the one that departed is likely to have parked with a lock. What is rare comes last, in a call that gives
 * m back: nothing has to be kept over it.
 */
static always_inline struct m *settle_parked(struct m *m)
{
    struct g *g = m->departed;
    if (unlikely(m->departure != TO_PARK))
        return settle(m);
    m->departed = NULL;
    atomic_store_relaxed(&g->m, NULL);
    uint32_t ticket = open_wait(m, g);
    bool has_sleeper = object_unlock_only(m->park_lock, is_solo());
    if (unlikely(has_sleeper) || has_ended(g, ticket))
        return settle_rest(m, g, ticket, has_sleeper);
    return arrived(m);
}

/* The same where it is likely to have yielded. */
static always_inline struct m *settle_yielded(struct m *m)
{
    struct g *g = m->departed;
    if (unlikely(m->departure != TO_YIELD))
        return settle(m);
    atomic_store_relaxed(&g->m, NULL);
    atomic_store_relaxed(&g->status, G_RUNNABLE);
    if (unlikely(!runq_try_put(m->p, g)))
        return settle(m);
    m->departed = NULL;
    return arrived(m);
}

/* A goroutine goes on, on m, where another has departed that is likely to have done so for the same. */
static always_inline struct m *arrive(struct m *m, enum departure why)
{
    sanitize_enter_g(m, m->departed);
    return why == TO_PARK ? settle_parked(m) : why == TO_YIELD ? settle_yielded(m) : settle(m);
}

/* Departs from the goroutine that runs, and comes back when it goes on. Gives back the m that it is on then. */
static always_inline struct m *depart(struct m *m, enum departure why)
{
    struct g *next = next_local(m, why);
    if (unlikely(next == NULL) || unlikely(next->is_pinned)) {
        next = next_slow(m, next, why);
        m = machine_m(); /* not kept over the call: that would cost the others a register to be saved */
        if (next == STAY)
            return m;
    }
    return arrive(switch_to(m, next, why), why);
}

/* ---- parking ---- */

/*
 * Parks the calling goroutine with this ticket, its next. `lock`, an object's, which guards the waiters, is released once
 * the goroutine is saved. Gives back the m that it goes on on; g->wait_result is what its waker passed to ready: 0 or
 * more, or the scope's error (only if the ticket is scoped).
 */
static always_inline struct m *park_inline(struct m *m, enum wait_reason reason, uint32_t ticket, union lock *lock)
{
    m->park_reason = (uint8_t)reason;
    m->park_ticket = ticket;
    m->park_lock = lock;
    return depart(m, TO_PARK);
}

/* The same, for all who need not be that fast. Gives back the result; m is stale then. */
int park(struct m *m, enum wait_reason reason, bool is_scoped, union lock *lock);

/* The same with a function, called in the place of the lock's release; NULL: there is nothing to be released. */
int park_with(struct m *m, enum wait_reason reason, bool is_scoped, park_commit *commit, void *arg);

#endif
