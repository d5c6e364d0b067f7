/* SPDX-License-Identifier: MIT */
/*
 * runq.h: runnable goroutines.
 *
 * Each p has a ring for one producer and many consumers, and runnext, a slot before it:
 *
 *   runnext  [g]          the goroutine just made ready: runs next, inherits the slice
 *   ring     [ ][h][x][x][t][ ]      h = head, taken from by the owner and by thieves (CAS)
 *                                    t = tail, put at by the owner only (release)
 *
 * The global queue is a list under sched.lock: what a full ring spills, what threads without
 * a p make ready, and what lost its p. Each p looks there every 61st turn.
 *
 * Design: Go's proc.go (runqput, runqget, runqsteal). Rejected: a deque whose owner takes the newest
 * (starves the oldest), one lock per queue (a locked swap for each put).
 */
#ifndef RUNG_RUNQ_H
#define RUNG_RUNQ_H

#include "sched/sched.h"

void runq_put_slow(struct p *p, struct g *g);
/* Moves half of `from`'s goroutines into p's ring and gives back one of them, or NULL. */
struct g *runq_steal(struct p *p, struct p *from, bool also_next);

void global_put(struct g *g);
void global_put_batch_locked(struct g *first, struct g *last, uint32_t count);
/* Takes one, and a fair share more into p's ring. sched.lock held. */
struct g *global_get_locked(struct p *p);
struct g *global_get(struct p *p);

/* Puts g at the end of p's ring. Owner only. */
static always_inline void runq_put(struct p *p, struct g *g)
{
    uint32_t head = atomic_load_acquire(&p->head); /* acquire: pairs with the consumers' CAS */
    uint32_t tail = p->tail;
    if (unlikely(tail - head >= sched.ring_size)) {
        runq_put_slow(p, g);
        return;
    }
    atomic_store_relaxed(&p->ring[tail % RUNQ_SIZE], g);
    atomic_store_release(&p->tail, tail + 1); /* release: pairs with runq_get, runq_steal */
}

/* Takes what is in runnext. With one processor there are no thieves. */
static always_inline struct g *runq_next_swap(struct p *p, struct g *g)
{
    if (sched.procs == 1) {
        struct g *old = p->runnext;
        atomic_store_relaxed(&p->runnext, g);
        return old;
    }
    return atomic_swap_acq_rel(&p->runnext, g); /* pairs with runq_steal */
}

/* Puts g into runnext; what was there goes to the ring. Owner only. */
static always_inline void runq_put_next(struct p *p, struct g *g)
{
    struct g *old = runq_next_swap(p, g);
    if (old != NULL)
        runq_put(p, old);
}

static always_inline struct g *runq_get_ring(struct p *p)
{
    for (;;) {
        uint32_t head = atomic_load_acquire(&p->head); /* acquire: pairs with the thieves' CAS */
        if (head == p->tail)
            return NULL;
        struct g *g = atomic_load_relaxed(&p->ring[head % RUNQ_SIZE]);
        if (sched.procs == 1) {
            atomic_store_relaxed(&p->head, head + 1);
            return g;
        }
        if (atomic_cas_release(&p->head, &head, head + 1)) /* release: pairs with runq_put */
            return g;
    }
}

static always_inline bool runq_is_empty(struct p *p)
{
    for (;;) {
        uint32_t head = atomic_load_acquire(&p->head);
        uint32_t tail = atomic_load_acquire(&p->tail);
        struct g *next = atomic_load_relaxed(&p->runnext);
        /* runnext may have moved into the ring between the loads: look at the tail again. */
        if (tail == atomic_load_acquire(&p->tail))
            return head == tail && next == NULL;
    }
}

#endif
