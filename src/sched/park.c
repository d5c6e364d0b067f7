/* SPDX-License-Identifier: MIT */
/* park.c: what park.h has off the fast path, on g0 and on whatever stack comes next. */
#include "sched/park.h"

#include <poll.h>

#include "base/os_fd.h"
#include "sched/netpoll.h"

bool make_reachable(struct m *m, struct g *g)
{
    uint32_t ticket = open_wait(m, g);
    if (likely(m->park_lock != NULL))
        object_unlock(m->park_lock);
    else if (m->park_commit != NULL)
        m->park_commit(g, m->park_arg);
    return !has_ended(g, ticket) || !claim(g, ticket);
}

/* g has left its stack, and is no longer m's to look at: what it departed for is done now. */
static always_inline void settle_as(struct m *m, struct g *g, enum departure why)
{
    switch (why) {
    case TO_END:
        g_end(m, g);
        break;
    case TO_START:
        atomic_store_relaxed(&g->status, G_RUNNABLE);
        runq_push_parent(m->p, g);
        wake_others(m);
        break;
    case TO_YIELD:
        atomic_store_relaxed(&g->status, G_RUNNABLE);
        runq_put(m->p, g);
        break;
    default:
        if (unlikely(!make_reachable(m, g)))
            ready(m, g, atomic_load_relaxed(&g->ended));
    }
}

cold struct m *take_fp(struct m *m)
{
    rung_fp_load(&m->machine, &m_g(m)->machine.fp);
    return m;
}

hot noinline struct m *settle(struct m *m)
{
    struct g *g = m->departed;
    if (g == NULL)
        return m;
    m->departed = NULL;
    atomic_store_relaxed(&g->m, NULL);
    settle_as(m, g, m->departure);
    return arrived(m);
}

cold struct m *settle_rest(struct m *m, struct g *g, uint32_t ticket, bool has_sleeper)
{
    if (has_sleeper)
        object_wake(m->park_lock);
    if (has_ended(g, ticket) && claim(g, ticket))
        ready(m, g, atomic_load_relaxed(&g->ended));
    return arrived(m);
}

hot void *depart_m(void *goroutine, void *machine)
{
    struct g *g = goroutine;
    struct m *m = machine;
    stop_running(m, g);
    if (!MUTANT(PUBLISH_EARLY) || (m->departure != TO_PARK && m->departure != TO_PARK_WITH))
        settle_as(m, g, m->departure);
    return schedule_slow(m);
}

noinline struct m *switch_to_g0(struct m *m, mcall_function *fn)
{
    sanitize_leave_g(m);
    return arrive(machine_mcall(fn), NO_DEPARTURE);
}

noinline int park(struct m *m, enum wait_reason reason, bool is_scoped, union lock *lock)
{
    return m_g(park_inline(m, reason, ticket_next(m_g(m), is_scoped), lock))->wait_result;
}

noinline int park_with(struct m *m, enum wait_reason reason, bool is_scoped, park_commit *commit, void *arg)
{
    m->park_reason = (uint8_t)reason;
    m->park_ticket = ticket_next(m_g(m), is_scoped);
    m->park_lock = NULL;
    m->park_commit = commit;
    m->park_arg = arg;
    return m_g(depart(m, TO_PARK_WITH))->wait_result;
}

/* As note_sleep, for the thread's descriptor too: *is_ready says whether that ended it. */
static bool note_poll(const struct m *m, struct note *note, int64_t until, bool *is_ready)
{
    struct pollfd fds[2] = { { .fd = m->poll_number, .events = m->poll_events },
                             { .fd = note->event, .events = POLLIN } };
    if (!note_poll_begin(note))
        return true;
    *is_ready = os_poll(fds, 2, until) > 0 && fds[0].revents != 0;
    bool is_set = !note_poll_end(note);
    while (is_set && fds[1].revents == 0) /* its waker is about to set the event, which must not outlast this */
        os_poll(&fds[1], 1, INT64_MAX);
    if (is_set)
        os_event_clear(note->event);
    return is_set;
}

/*
 * Until the note is set, what the thread itself waits for (the end of a sleep, or a descriptor), or a deadline, whose end
 * may set the note. True: what it waits for has come.
 */
static bool thread_sleep(struct m *m, struct g *g)
{
    for (;;) {
        bool is_over = false;
        int64_t sleep_until = g->reason == WAIT_SLEEP ? m->sleep_until : INT64_MAX;
        int64_t deadline = scope_thread_deadline(g);
        trace_sleep_begin(m);
        bool is_woken = g->reason == WAIT_IO ? note_poll(m, &g->note, deadline, &is_over)
                                             : note_sleep(&g->note, sleep_until < deadline ? sleep_until : deadline);
        trace_sleep_end(m);
        if (is_woken)
            return false;
        uint32_t ticket = atomic_load_relaxed(&g->wait); /* its timer may be claiming it right now */
        if (g->reason == WAIT_SLEEP)
            is_over = sleep_until <= deadline;
        if (is_over && claim(g, ticket | WAIT_OPEN))
            return true;
        scope_thread_expire(m, g);
    }
}

/* The mutant: others can reach g, and run it with the registers of its last park, before mcall has saved them. */
static void park_published_early(struct m *m, struct g *g)
{
    m->departure = TO_PARK;
    if (make_reachable(m, g)) {
        switch_to_g0(m, depart_m);
        return;
    }
    g->wait_result = atomic_load_relaxed(&g->ended);
    atomic_store_relaxed(&g->status, G_RUNNING);
}

/* A thread counts as asleep from before it can be woken until its waker says otherwise (deadlock check). */
static void park_thread(struct m *m, struct g *g)
{
    atomic_add_relaxed(&sched.threads_asleep, 1);
    if (unlikely(!make_reachable(m, g))) {
        g->wait_result = atomic_load_relaxed(&g->ended);
        atomic_add_relaxed(&sched.threads_asleep, -1);
        atomic_store_relaxed(&g->status, G_RUNNING);
        return;
    }
    if (thread_sleep(m, g)) {
        atomic_add_relaxed(&sched.threads_asleep, -1);
        g->wait_result = 0;
    }
    note_clear(&g->note);
    atomic_store_relaxed(&g->status, G_RUNNING);
}

static void thread_departs(struct m *m, enum departure why)
{
    if (why == TO_YIELD)
        os_thread_yield();
    else
        park_thread(m, m_g(m));
}

/* Whether next_local found nobody since it is time for a look at the clock: then it has not looked any further. */
static bool wants_clock(const struct p *p)
{
    return atomic_load_relaxed(&p->timers.next) != INT64_MAX && timers_have_turn(p);
}

/* A yield for nobody: no goroutine waits for this processor, and nothing else for schedule_slow. */
static bool is_alone(struct p *p)
{
    return runq_is_empty(p) && atomic_load_relaxed(&sched.global_count) == 0 &&
           atomic_load_relaxed(&sched.wants_trim) == 0 && !(netpoll_is_used() && netpoll_has_stash());
}

static struct g *yield_for_nobody(struct m *m)
{
    atomic_count(&m->p->switches); /* it does not hog, */
    atomic_store_relaxed(&m->p->turns_left, GLOBAL_TURN); /* and has its turn, after a look at the global queue */
    return STAY;
}

/*
 * Traced: the same choice is made here, and told before it is carried out, while the goroutine that departs is still this
 * m's. Who goes by way of g0 is told of by execute.
 */
static noinline struct g *next_traced(struct m *m, struct g *next, enum departure why)
{
    bool may_go_straight = m->pinned_g == NULL && (likely(sched.chaos == 0) || chaos(m, 2));
    bool is_due = false;
    if (next == NULL && likely(may_go_straight))
        next = next_queued(m, why);
    if (unlikely(next == NULL) && may_go_straight && wants_clock(m->p)) {
        is_due = timers_look(m->p);
        next = is_due ? NULL : next_queued(m, why); /* this time without the clock */
    }
    if (unlikely(next == NULL) && why == TO_YIELD && !is_due && may_go_straight && is_alone(m->p))
        return yield_for_nobody(m);
    bool is_straight = likely(next != NULL) && likely(!next->is_pinned);
    trace_depart(m, why, is_straight ? next : NULL);
    m->next_g = is_straight ? NULL : next;
    return is_straight ? next : NULL;
}

noinline struct g *next_slow(struct m *m, struct g *next, enum departure why)
{
    if (unlikely(m->is_thread)) {
        thread_departs(m, why);
        return STAY;
    }
    if (MUTANT(PUBLISH_EARLY) && (why == TO_PARK || why == TO_PARK_WITH)) {
        park_published_early(m, m_g(m));
        return STAY;
    }
    if (is_traced())
        return next_traced(m, next, why);
    bool is_due = false;
    if (next == NULL && !m->is_special && wants_clock(m->p)) {
        is_due = timers_look(m->p);
        next = is_due ? NULL : next_local(m, why); /* this time without the clock */
    }
    if (next == NULL && why == TO_YIELD && !is_due && !m->is_special && is_alone(m->p))
        return yield_for_nobody(m);
    if (next != NULL && !next->is_pinned)
        return next;
    m->next_g = next;
    return NULL;
}

noinline void queue_slow(struct m *m, struct g *g)
{
    if (m->p == NULL || chaos(m, 4))
        global_put(g);
    else if (chaos(m, 2))
        runq_put(m->p, g);
    else
        runq_put_next(m->p, g);
    fence_light(); /* pairs with find.c's fence_heavy */
    if (m->p == NULL || sched.chaos != 0)
        p_wake();
    else
        wake_others(m);
}

noinline void ready_slow(struct m *m, struct g *g)
{
    if (is_traced())
        trace_ready(m, g);
    atomic_store_relaxed(&g->status, G_RUNNABLE);
    if (g->is_thread) {
        atomic_add_relaxed(&sched.threads_asleep, -1);
        note_wake(&g->note);
        return;
    }
    queue_slow(m, g);
}
