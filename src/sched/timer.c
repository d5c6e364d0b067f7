/* SPDX-License-Identifier: MIT */
/*
 * timer.c: starting, stopping and firing the timers of timer.h; where they wait is calendar.h's affair.
 *
 * A timer names the processor whose calendar it is in, or was in last: who stops or sets it takes that one's lock, and
 * looks whether it still is. Where a calendar cannot grow, and no other can, timer_start says so; one that has just
 * fired finds its place free again.
 *
 * The keeper's protocol (Dekker), so that no timer is slept through:
 *   start:   1. store timers.next        2. fence_light    3. load keeper_until; if later, wake the keeper
 *   keeper:  1. store keeper_until       2. fence_heavy    3. load every timers.next; if earlier, again
 */
#include "sched/timer.h"

#include <errno.h>

#include "base/os.h"
#include "sched/calendar.h"
#include "sched/park.h"

enum { BATCH = 8 }; /* fired in one go: of many more prefetches than these some are dropped by the CPU */

static always_inline void publish_next(struct timers *timers)
{
    int64_t next = calendar_next(&timers->calendar);
    if (timers->next != next)
        atomic_store_relaxed(&timers->next, next);
}

/* Some may be pending before the first run: deadlines of plain threads. */
void timers_init(struct p *p)
{
    lock_acquire(&p->timers.lock);
    publish_next(&p->timers);
    lock_release(&p->timers.lock);
}

/* Timers that outlive a run, on a processor that the next one does not have. */
void timers_move(struct p *from, struct p *to)
{
    lock_acquire(&to->timers.lock);
    lock_acquire(&from->timers.lock);
    struct calendar *old = &from->timers.calendar, *new = &to->timers.calendar;
    uint32_t slot;
    while (calendar_has_room(new) && (slot = calendar_take(old, INT64_MAX)) != 0) {
        struct timer *timer = old->timers[slot];
        calendar_forget(old, timer);
        atomic_store_release(&timer->p, to); /* release: pairs with lock_timers */
        calendar_insert(new, timer, timer->when);
    }
    if (calendar_next(old) == INT64_MAX)
        old->tick = 0; /* it had turned to the last one's; the next run begins anew */
    publish_next(&from->timers);
    publish_next(&to->timers);
    lock_release(&from->timers.lock);
    lock_release(&to->timers.lock);
}

/* ---- starting and stopping ---- */

/*
 * With one processor, its holder alone touches the timers; see lock.h. A plain thread may end that mode between the two:
 * then a lock is released that nobody has, while that thread still waits for this one to leave the runtime.
 */
static always_inline void timers_lock(struct p *p)
{
    if (is_solo())
        rank_push(&p->timers.lock, RANK_TIMERS);
    else
        lock_acquire(&p->timers.lock);
}

static always_inline void timers_unlock(struct p *p)
{
    if (is_solo())
        rank_pop(RANK_TIMERS);
    else
        lock_release(&p->timers.lock);
}

/*
 * A new earliest timer: the keeper may be asleep for longer. Where there is none sysmon may be, but only if no m has a
 * processor.
 */
static always_inline void tell_keeper(struct m *m, int64_t when)
{
    fence_light(); /* pairs with keeper_decide's fence_heavy */
    if (unlikely(when < atomic_load_relaxed(&sched.keeper_until) || m->p == NULL) && !MUTANT(LOST_TIMER))
        keeper_wake();
}

/* Locks the calendar that the timer is in, or was in last; NULL if it never was in one. */
static struct p *lock_timers(struct timer *timer)
{
    for (;;) {
        struct p *p = atomic_load_acquire(&timer->p); /* acquire: pairs with timer_start */
        if (p == NULL)
            return NULL;
        timers_lock(p);
        if (likely(p == atomic_load_relaxed(&timer->p)))
            return p;
        timers_unlock(p);
    }
}

/* Locked: this processor's, or where that can't grow any other's. NULL: no memory. */
static struct p *lock_with_room(struct m *m)
{
    struct p *own = m->p != NULL ? m->p : &sched.p[0];
    timers_lock(own);
    if (likely(calendar_has_room(&own->timers.calendar)))
        return own;
    timers_unlock(own);
    for (uint32_t i = 0; i < sched.procs; i++) {
        struct p *p = &sched.p[i];
        timers_lock(p);
        if (calendar_has_room(&p->timers.calendar))
            return p;
        timers_unlock(p);
    }
    return NULL;
}

/* The timer has got this time: publishes that, and unlocks. */
static always_inline void finish_start(struct m *m, struct p *p, int64_t when)
{
    publish_next(&p->timers);
    bool is_first = p->timers.next == when;
    timers_unlock(p);
    if (is_first)
        tell_keeper(m, when);
}

bool timer_set(struct m *m, struct timer *timer, int64_t when)
{
    struct p *p = lock_timers(timer);
    if (p == NULL)
        return false;
    if (timer->slot == 0) {
        timers_unlock(p);
        return false;
    }
    calendar_set(&p->timers.calendar, timer, when);
    finish_start(m, p, when);
    return true;
}

int timer_start(struct m *m, struct timer *timer, int64_t when)
{
    struct p *p = lock_with_room(m);
    if (unlikely(p == NULL))
        return -ENOMEM;
    atomic_store_release(&timer->p, p); /* release: pairs with lock_timers */
    calendar_insert(&p->timers.calendar, timer, when);
    finish_start(m, p, when);
    return 0;
}

bool timer_stop(struct timer *timer)
{
    struct p *p = lock_timers(timer);
    if (p == NULL)
        return false;
    bool was_pending = timer->slot != 0;
    if (was_pending) {
        calendar_remove(&p->timers.calendar, timer);
        publish_next(&p->timers);
    }
    timers_unlock(p);
    return was_pending;
}

void timer_restart_locked(struct timer *timer, int64_t when)
{
    calendar_insert(&timer->p->timers.calendar, timer, when);
}

/* ---- running ---- */

static always_inline void prefetch_touched(const struct timer *timer)
{
    const char *touched = timer->touched;
    for (int line = 1; line <= timer->lines_before; line++)
        __builtin_prefetch((const char *)timer - line * CACHE_LINE, 1);
    for (int line = 0; line < timer->touched_lines; line++)
        __builtin_prefetch(touched + line * CACHE_LINE, 1);
}

/*
 * Takes some of those that are due. Where many are pending each of them lies in memory that nobody has looked at for
 * long: one short loop after another lets the misses of a batch overlap.
 */
static uint32_t take_due(struct calendar *calendar, int64_t now, struct timer **due)
{
    uint32_t slots[BATCH];
    uint32_t count = 0;
    while (count < BATCH && (slots[count] = calendar_take(calendar, now)) != 0)
        count++;
    for (uint32_t i = 0; i < count; i++)
        due[i] = calendar->timers[slots[i]];
    for (uint32_t i = 0; i < count; i++)
        __builtin_prefetch(due[i], 1);
    for (uint32_t i = 0; i < count; i++)
        prefetch_touched(due[i]);
    return count;
}

static bool fire(struct calendar *calendar, struct timer *timer, int64_t now)
{
    bool is_due = timer->when <= now;
    if (likely(is_due)) {
        calendar_forget(calendar, timer);
        timer->fire(timer, now);
    } else { /* set later meanwhile */
        calendar_file_again(calendar, timer);
    }
    return is_due;
}

/*
 * Ends early once there are enough to run: they find the memory that was prefetched still in the cache, and the queue
 * has room for them. The next turns come back for the others.
 */
uint32_t timers_run(struct p *p, int64_t now)
{
    struct timers *timers = &p->timers;
    struct timer *due[BATCH];
    uint32_t ran = 0, count;
    if (atomic_load_relaxed(&timers->next) > now)
        return 0;
    timers_lock(p);
    do {
        count = take_due(&timers->calendar, now, due);
        for (uint32_t i = 0; i < count; i++)
            ran += fire(&timers->calendar, due[i], now);
    } while (count == BATCH && !runq_is_long(current_m()->p));
    publish_next(timers);
    timers_unlock(p);
    return ran;
}

/* `took`: all departures that were to be until this look. */
static uint32_t departures_until_next(uint32_t departures, int64_t took)
{
    if (took < CLOCK_NS / 2 && departures < MOST_DEPARTURES)
        return departures * 2;
    for (; took > CLOCK_NS && departures > 1; took /= 2)
        departures /= 2;
    return departures;
}

bool timers_look(struct p *p)
{
    int64_t now = os_now();
    if (p->look_in < 0)
        atomic_store_relaxed(&p->look_every, departures_until_next(p->look_every, now - p->looked_at));
    p->look_in = (int32_t)p->look_every;
    p->looked_at = now;
    atomic_store_relaxed(&sched.coarse_now, now);
    bool is_due = atomic_load_relaxed(&p->timers.next) <= now;
    atomic_store_relaxed(&p->has_due_timer, is_due); /* until find.c has let them run */
    return is_due;
}

int64_t timers_earliest(void)
{
    int64_t earliest = INT64_MAX;
    for (uint32_t i = 0; i < atomic_load_relaxed(&sched.procs); i++) {
        int64_t next = atomic_load_relaxed(&sched.p[i].timers.next);
        if (next < earliest)
            earliest = next;
    }
    return earliest;
}
