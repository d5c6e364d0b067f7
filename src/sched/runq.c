/* SPDX-License-Identifier: MIT */
/* runq.c: the slow sides of the run queues: spilling, stealing, the global list. */
#include "sched/runq.h"

#include "base/os.h"

/* The ring is full: half of it goes to the global queue, with g at its end. */
noinline void runq_put_slow(struct p *p, struct g *g)
{
    struct g *batch[RUNQ_SIZE / 2 + 1];
    for (;;) {
        uint32_t head = atomic_load_acquire(&p->head); /* acquire: pairs with the thieves' CAS */
        uint32_t count = (p->tail - head) / 2;
        if (count < sched.ring_size / 2) { /* thieves have made room */
            atomic_store_relaxed(&p->ring[p->tail % RUNQ_SIZE], g);
            atomic_store_release(&p->tail, p->tail + 1); /* pairs with runq_get_ring, runq_steal */
            return;
        }
        for (uint32_t i = 0; i < count; i++)
            batch[i] = atomic_load_relaxed(&p->ring[(head + i) % RUNQ_SIZE]);
        if (!atomic_cas_release(&p->head, &head, head + count)) /* pairs with runq_put */
            continue;
        batch[count] = g;
        for (uint32_t i = 0; i < count; i++)
            atomic_store_relaxed(&batch[i]->next, batch[i + 1]);
        lock_acquire(&sched.lock);
        global_put_batch_locked(batch[0], g, count + 1);
        lock_release(&sched.lock);
        return;
    }
}

/*
 * Whether from's next goroutine is still there after WAKE_NS in which its owner has gone on with what it does. Who
 * departs within that time is likely to run it itself, before another CPU could have begun.
 */
static bool next_waits(struct p *from, struct g *next)
{
    if (atomic_load_relaxed(&from->m) == NULL)
        return true;
    uint64_t switches = atomic_load_relaxed(&from->switches);
    int64_t until = os_now() + WAKE_NS;
    do {
        cpu_relax();
        if (atomic_load_relaxed(&from->switches) != switches || atomic_load_relaxed(&from->runnext) != next)
            return false;
    } while (os_now() < until);
    return true;
}

/* Takes half of from's ring into batch, a ring of p's; gives back how many. */
static uint32_t grab(struct p *from, struct p *p, bool also_next)
{
    for (;;) {
        uint32_t head = atomic_load_acquire(&from->head); /* acquire: pairs with other consumers */
        uint32_t tail = atomic_load_acquire(&from->tail); /* acquire: pairs with runq_put */
        uint32_t count = tail - head;
        count -= count / 2;
        if (count == 0) {
            struct g *next = also_next ? atomic_load_relaxed(&from->runnext) : NULL;
            if (next == NULL || !next_waits(from, next))
                return 0;
            if (!atomic_cas_acq_rel(&from->runnext, &next, NULL)) /* pairs with runq_next_swap */
                return 0;
            atomic_store_relaxed(&p->ring[p->tail % RUNQ_SIZE], next);
            return 1;
        }
        if (count > RUNQ_SIZE / 2) /* head and tail were read apart */
            continue;
        for (uint32_t i = 0; i < count; i++) {
            struct g *g = atomic_load_relaxed(&from->ring[(head + i) % RUNQ_SIZE]);
            atomic_store_relaxed(&p->ring[(p->tail + i) % RUNQ_SIZE], g);
        }
        if (atomic_cas_acq_rel(&from->head, &head, head + count)) /* pairs with runq_put */
            return count;
    }
}

struct g *runq_steal(struct p *p, struct p *from, bool also_next)
{
    uint32_t count = grab(from, p, also_next);
    if (count == 0)
        return NULL;
    atomic_store_relaxed(&p->steals, p->steals + 1);
    count--;
    struct g *g = atomic_load_relaxed(&p->ring[(p->tail + count) % RUNQ_SIZE]);
    if (count > 0) {
        check(p->tail - atomic_load_relaxed(&p->head) + count <= RUNQ_SIZE);
        atomic_store_release(&p->tail, p->tail + count); /* pairs with other thieves */
    }
    return g;
}

void runq_take_parents(struct p *p, struct p *from)
{
    if (atomic_load_relaxed(&from->parents) == NULL)
        return;
    struct g *g = atomic_swap_acq_rel(&from->parents, NULL); /* acquire: pairs with runq_push_parent */
    while (g != NULL) {
        struct g *next = g->next;
        runq_put(p, g);
        g = next;
    }
}

void runq_end_slice(struct p *p)
{
    struct g *next = runq_next_swap(p, NULL);
    if (next != NULL)
        runq_put(p, next);
    runq_take_parents(p, p);
    atomic_store_relaxed(&p->turns_left, 0);
}

/* ---- the global queue ---- */

void global_put_batch_locked(struct g *first, struct g *last, uint32_t count)
{
    atomic_store_relaxed(&last->next, NULL);
    if (sched.global_last != NULL)
        atomic_store_relaxed(&sched.global_last->next, first);
    else
        sched.global_first = first;
    sched.global_last = last;
    atomic_store_relaxed(&sched.global_count, sched.global_count + count);
}

void global_put(struct g *g)
{
    lock_acquire(&sched.lock);
    global_put_batch_locked(g, g, 1);
    lock_release(&sched.lock);
}

static struct g *global_pop_locked(void)
{
    struct g *g = sched.global_first;
    sched.global_first = g->next;
    if (g->next == NULL)
        sched.global_last = NULL;
    else
        __builtin_prefetch(&g->next->next); /* the list runs through memory that nobody has looked at for long */
    atomic_store_relaxed(&sched.global_count, sched.global_count - 1);
    return g;
}

struct g *global_get_locked(struct p *p)
{
    if (sched.global_count == 0)
        return NULL;
    uint32_t count = sched.global_count / sched.procs + 1;
    uint32_t room = sched.ring_size / 2;
    uint32_t used = p->tail - atomic_load_acquire(&p->head);
    room = used < room ? room - used : 0;
    if (count > sched.global_count)
        count = sched.global_count;
    struct g *g = global_pop_locked();
    for (uint32_t i = 1; i < count && i < room; i++)
        runq_put(p, global_pop_locked());
    return g;
}

struct g *global_get(struct p *p)
{
    if (atomic_load_relaxed(&sched.global_count) == 0)
        return NULL;
    lock_acquire(&sched.lock);
    struct g *g = global_get_locked(p);
    lock_release(&sched.lock);
    return g;
}
