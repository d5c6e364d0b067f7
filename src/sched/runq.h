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
 *   parents  [g]>[g]>[g]  started another while the ring was long, and let it run first; the last one goes on
 *                         as soon as that parks or ends
 *
 * So where goroutines are started faster than they run, the newest runs to its end or first wait while its
 * stack and g are in the cache, and is recycled; a tree of them is walked depth first, and its
 * breadth is never alive at once (skynet: a fifth of the time). The ring and the parents take turns, or those that a
 * tree makes ready would wait in the ring for its root. At the end of a slice the parents go to the ring, and
 * a thief that finds nothing else takes all of them.
 *
 * The global queue is a list under sched.lock: what a full ring spills, what threads without
 * a p make ready, and what lost its p. Each p looks there every 61st turn, and when a slice has run to its end: turns
 * that long would let it wait for most of a second.
 *
 * Design: Go's proc.go (runqput, runqget, runqsteal). Rejected: a deque whose owner takes the newest
 * (starves the oldest), one lock per queue (a locked swap for each put).
 */
#ifndef RUNG_RUNQ_H
#define RUNG_RUNQ_H

#include "sched/sched.h"

/*
 * What it costs, about, that a thread wakes for a goroutine: a system call here, an interrupt there, and what the goroutine
 * and its friends then fetch from each other's caches. Nobody is woken, or moved, for less.
 */
#define WAKE_NS INT64_C(4000)

void runq_put_slow(struct p *p, struct g *g);
/* Moves half of `from`'s goroutines into p's ring and gives back one of them, or NULL. */
struct g *runq_steal(struct p *p, struct p *from, bool also_next);

void global_put(struct g *g);
void global_put_batch_locked(struct g *first, struct g *last, uint32_t count);
/* Takes one, and a fair share more into p's ring. sched.lock held. */
struct g *global_get_locked(struct p *p);
struct g *global_get(struct p *p);

/* Puts g at the end of p's ring, if that is not full. Owner only. */
static always_inline bool runq_try_put(struct p *p, struct g *g)
{
    uint32_t head = atomic_load_acquire(&p->head); /* acquire: pairs with the consumers' CAS */
    uint32_t tail = p->tail;
    if (unlikely(tail - head >= sched.ring_size))
        return false;
    atomic_store_relaxed(&p->ring[tail % RUNQ_SIZE], g);
    atomic_store_release(&p->tail, tail + 1); /* release: pairs with grab, runq_is_empty */
    return true;
}

static always_inline void runq_put(struct p *p, struct g *g)
{
    if (unlikely(!runq_try_put(p, g)))
        runq_put_slow(p, g);
}

/* Takes what is in runnext. With one processor there are no thieves. */
static always_inline struct g *runq_next_swap(struct p *p, struct g *g)
{
    if (likely(sched.procs == 1)) {
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
    if (unlikely(old != NULL))
        runq_put(p, old);
}

static always_inline struct g *runq_get_ring(struct p *p)
{
    for (;;) {
        uint32_t head = atomic_load_acquire(&p->head); /* acquire: pairs with the thieves' CAS */
        if (head == p->tail)
            return NULL;
        struct g *g = atomic_load_relaxed(&p->ring[head % RUNQ_SIZE]);
        if (likely(sched.procs == 1)) {
            atomic_store_relaxed(&p->head, head + 1);
            return g;
        }
        if (atomic_cas_release(&p->head, &head, head + 1)) /* release: pairs with runq_put */
            return g;
    }
}

enum { LONG_RING = 32 };

static always_inline bool runq_is_long(const struct p *p)
{
    return p->tail - atomic_load_relaxed(&p->head) >= LONG_RING;
}

/* Owner only. */
static always_inline void runq_push_parent(struct p *p, struct g *g)
{
    struct g *first = atomic_load_relaxed(&p->parents);
    do
        atomic_store_relaxed(&g->next, first);
    while (!atomic_cas_release(&p->parents, &first, g)); /* release: pairs with runq_take_parents */
}

/*
 * Owner only. Since it alone pushes, the list's head is the same one only if the list is the same: its next
 * may be read before the thief is known not to have come (g is type-stable).
 */
static always_inline struct g *runq_pop_parent(struct p *p)
{
    struct g *first = atomic_load_relaxed(&p->parents);
    while (first != NULL) {
        struct g *next = atomic_load_relaxed(&first->next);
        if (sched.procs == 1) {
            atomic_store_relaxed(&p->parents, next);
            return first;
        }
        if (atomic_cas_acquire(&p->parents, &first, next))
            return first;
    }
    return NULL;
}

static always_inline struct g *runq_get_parent_in_turn(struct p *p)
{
    p->is_turn_of_parents = !p->is_turn_of_parents;
    return p->is_turn_of_parents ? runq_pop_parent(p) : NULL;
}

enum { GLOBAL_TURN = 61 };

/*
 * The goroutine that runs has used the slice up that it may have inherited: who would inherit it next waits for a turn,
 * as the parents do, and the next turn begins with the global queue.
 */
void runq_end_slice(struct p *p);

/* All of from's parents go to the end of p's ring. The owner of p; `from` may be p, or another's. */
void runq_take_parents(struct p *p, struct p *from);

/* A hint: whether others wait than the one that is next. */
static always_inline bool runq_has_more(const struct p *p)
{
    return atomic_load_relaxed(&p->head) != atomic_load_relaxed(&p->tail) || atomic_load_relaxed(&p->parents) != NULL;
}

static always_inline bool runq_is_empty(struct p *p)
{
    for (;;) {
        uint32_t head = atomic_load_acquire(&p->head); /* acquire, each of them: they stay in this order */
        uint32_t tail = atomic_load_acquire(&p->tail);
        bool has_others = atomic_load_acquire(&p->runnext) != NULL;
        has_others |= atomic_load_acquire(&p->parents) != NULL;
        /* Both may have moved into the ring between the loads: look at the tail again. */
        if (tail == atomic_load_acquire(&p->tail))
            return head == tail && !has_others;
    }
}

#endif
