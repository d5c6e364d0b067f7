/* SPDX-License-Identifier: MIT */
/*
 * timer.c: the heaps of timer.h.
 *
 * An entry is 16 bytes, time and timer, so that sifting reads the heap alone: four children fill
 * one cache line. The heap's array is committed address space that grows by doubling and never moves.
 *
 * The keeper's protocol (Dekker), so that no timer is slept through:
 *   start:   1. store timers.next        2. fence_light    3. load keeper_until; if later, wake the keeper
 *   keeper:  1. store keeper_until       2. fence_heavy    3. load every timers.next; if earlier, again
 */
#include "sched/timer.h"

#include <errno.h>

#include "base/os.h"
#include "sched/park.h"

enum { CHILDREN = 4 };
#define HEAP_MOST ((uint32_t)1 << 26) /* entries: 1 GiB of address space per processor */

/* ---- the heap; lock held ---- */

static void place(struct timers *timers, uint32_t index, struct timer_entry entry)
{
    timers->heap[index] = entry;
    entry.timer->index = index + 1;
}

static void sift_up(struct timers *timers, uint32_t index, struct timer_entry entry)
{
    while (index > 0) {
        uint32_t parent = (index - 1) / CHILDREN;
        if (timers->heap[parent].when <= entry.when)
            break;
        place(timers, index, timers->heap[parent]);
        index = parent;
    }
    place(timers, index, entry);
}

static uint32_t earliest_child(const struct timers *timers, uint32_t first)
{
    uint32_t earliest = first;
    for (uint32_t i = first + 1; i < first + CHILDREN && i < timers->count; i++)
        if (timers->heap[i].when < timers->heap[earliest].when)
            earliest = i;
    return earliest;
}

static void sift_down(struct timers *timers, uint32_t index, struct timer_entry entry)
{
    for (;;) {
        uint32_t first = index * CHILDREN + 1;
        if (first >= timers->count)
            break;
        uint32_t child = earliest_child(timers, first);
        if (entry.when <= timers->heap[child].when)
            break;
        place(timers, index, timers->heap[child]);
        index = child;
    }
    place(timers, index, entry);
}

static void publish_next(struct timers *timers)
{
    int64_t next = timers->count > 0 ? timers->heap[0].when : INT64_MAX;
    if (timers->next != next)
        atomic_store_relaxed(&timers->next, next);
}

static void heap_remove(struct timers *timers, uint32_t index)
{
    timers->heap[index].timer->index = 0;
    struct timer_entry last = timers->heap[--timers->count];
    if (index == timers->count)
        return;
    if (index > 0 && last.when < timers->heap[(index - 1) / CHILDREN].when)
        sift_up(timers, index, last);
    else
        sift_down(timers, index, last);
}

/* Address space for the most, memory for what is used: a heap never moves under its readers. */
static void grow(struct timers *timers)
{
    if (timers->heap == NULL)
        timers->heap = os_reserve(HEAP_MOST * sizeof *timers->heap);
    uint32_t more = timers->capacity == 0 ? 4096 : timers->capacity;
    if (timers->heap == NULL || timers->capacity + more > HEAP_MOST ||
        os_commit(timers->heap + timers->capacity, more * sizeof *timers->heap) != 0)
        panic("no memory for timers (%u pending)", timers->count);
    timers->capacity += more;
}

static void heap_insert(struct timers *timers, struct timer *timer, int64_t when)
{
    if (unlikely(timers->count == timers->capacity))
        grow(timers);
    timer->when = when;
    sift_up(timers, timers->count++, (struct timer_entry){ when, timer });
}

/* ---- starting and stopping ---- */

/* A new earliest timer: the keeper may be asleep for longer. */
static void tell_keeper(int64_t when)
{
    fence_light(); /* pairs with keeper_decide's fence_heavy */
    if (unlikely(when < atomic_load_relaxed(&sched.keeper_until)) && !MUTANT(LOST_TIMER))
        keeper_wake();
}

/* Locks the heap that the timer is in, or was in last; NULL if it never was in one. */
static struct p *lock_heap(struct timer *timer)
{
    for (;;) {
        struct p *p = atomic_load_acquire(&timer->p); /* acquire: pairs with timer_start */
        if (p == NULL)
            return NULL;
        lock_acquire(&p->timers.lock);
        if (likely(p == atomic_load_relaxed(&timer->p)))
            return p;
        lock_release(&p->timers.lock);
    }
}

/* A pending timer gets another time. */
static void set_pending(struct timers *timers, struct timer *timer, int64_t when)
{
    uint32_t index = timer->index - 1;
    timer->when = when;
    if (when >= timers->heap[index].when)
        return; /* put right when it comes up */
    sift_up(timers, index, (struct timer_entry){ when, timer });
    publish_next(timers);
}

static void start_locked(struct p *p, struct timer *timer, int64_t when)
{
    heap_insert(&p->timers, timer, when);
    publish_next(&p->timers);
}

bool timer_start(struct m *m, struct timer *timer, int64_t when)
{
    struct p *p = lock_heap(timer);
    bool was_pending = p != NULL && timer->index != 0;
    if (was_pending) {
        set_pending(&p->timers, timer, when);
    } else {
        if (p != NULL)
            lock_release(&p->timers.lock);
        p = m->p != NULL ? m->p : &sched.p[0];
        lock_acquire(&p->timers.lock);
        atomic_store_release(&timer->p, p); /* release: pairs with lock_heap */
        start_locked(p, timer, when);
    }
    bool is_first = p->timers.next == when;
    lock_release(&p->timers.lock);
    if (is_first)
        tell_keeper(when);
    return was_pending;
}

bool timer_stop(struct timer *timer)
{
    struct p *p = lock_heap(timer);
    if (p == NULL)
        return false;
    bool was_pending = timer->index != 0;
    if (was_pending) {
        heap_remove(&p->timers, timer->index - 1);
        publish_next(&p->timers);
    }
    lock_release(&p->timers.lock);
    return was_pending;
}

void timer_restart_locked(struct timer *timer, int64_t when)
{
    heap_insert(&timer->p->timers, timer, when);
}

/* ---- running ---- */

uint32_t timers_run(struct p *p, int64_t now)
{
    struct timers *timers = &p->timers;
    uint32_t ran = 0;
    if (atomic_load_relaxed(&timers->next) > now)
        return 0;
    lock_acquire(&timers->lock);
    while (timers->count > 0 && timers->heap[0].when <= now) {
        struct timer *timer = timers->heap[0].timer;
        if (timer->when > now) { /* set later meanwhile */
            sift_down(timers, 0, (struct timer_entry){ timer->when, timer });
            continue;
        }
        heap_remove(timers, 0);
        timer->fire(timer, now);
        ran++;
    }
    publish_next(timers);
    lock_release(&timers->lock);
    return ran;
}

bool timers_are_due_slow(struct p *p)
{
    int64_t now = os_now();
    atomic_store_relaxed(&sched.coarse_now, now);
    atomic_store_relaxed(&p->has_due_timer, false);
    return atomic_load_relaxed(&p->timers.next) <= now;
}

int64_t timers_earliest(void)
{
    int64_t earliest = INT64_MAX;
    for (uint32_t i = 0; i < sched.procs; i++) {
        int64_t next = atomic_load_relaxed(&sched.p[i].timers.next);
        if (next < earliest)
            earliest = next;
    }
    return earliest;
}
