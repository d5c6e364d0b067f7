/* SPDX-License-Identifier: MIT */
/*
 * find.h: the fast path of scheduling: this p's runnext and ring, no shared word touched but them.
 */
#ifndef RUNG_FIND_H
#define RUNG_FIND_H

#include "sched/park.h"
#include "sched/timer.h"

enum { GLOBAL_TURN = 61 };

/* Runs the next goroutine; finds one first, sleeps where there is none. On g0, with a p. */
noreturn void schedule_slow(struct m *m);

static always_inline noreturn void schedule(struct m *m)
{
    struct p *p = m->p;
    if (unlikely(m->pinned_g != NULL || sched.chaos != 0))
        schedule_slow(m);
    if (unlikely(p->timers.next != INT64_MAX) && timers_are_due(p))
        schedule_slow(m);
    struct g *g = p->runnext; /* inherits the slice: no new turn */
    if (g != NULL && likely((g = runq_next_swap(p, NULL)) != NULL))
        execute(m, g);
    uint32_t tick = p->tick + 1;
    atomic_store_relaxed(&p->tick, tick);
    if (unlikely(tick % GLOBAL_TURN == 0))
        schedule_slow(m);
    g = runq_get_ring(p);
    if (unlikely(g == NULL))
        schedule_slow(m);
    execute(m, g);
}

#endif
