/* SPDX-License-Identifier: MIT */
/*
 * timer.h: one heap of timers per processor.
 *
 * A timer belongs to the heap of the p it was started on, until it fires or is stopped. The
 * owner of a p looks at its heap between turns; a thief runs the due timers of others; when all sleep,
 * one m, the keeper, wakes for the earliest of all (m.c). sysmon notices what is due on a busy p.
 *
 * Functions are called with the heap's lock held, on an m with a p, on g0: they claim and ready goroutines
 * or try to send, and may take any lock ranked above. A timer that is stopped under that lock is not
 * firing, so that its memory may go.
 *
 * A timer set later keeps its old place: the entry holds a time not after the timer's own, and is put right
 * when it comes up. So a deadline that is pushed back again and again costs one store each time.
 */
#ifndef RUNG_TIMER_H
#define RUNG_TIMER_H

#include "sched/sched.h"

/* Starts, or sets anew if it is pending (then true). `when` in absolute nanoseconds. */
bool timer_start(struct m *m, struct timer *timer, int64_t when);

/* True if it was pending. After this it does not run, on no thread. */
bool timer_stop(struct timer *timer);

/* Within a timer's function: starts it again, on the heap that is locked already. */
void timer_restart_locked(struct timer *timer, int64_t when);

/* Calls the functions of those that are due. Gives back how many. */
uint32_t timers_run(struct p *p, int64_t now);

/* The earliest of all processors, or INT64_MAX. */
int64_t timers_earliest(void);

/* Now, or a moment ago: read from the clock seldom while p is busy. */
bool timers_are_due_slow(struct p *p);

static always_inline bool timers_are_due(struct p *p)
{
    if (likely(++p->timer_tick % 32 != 0) && likely(!atomic_load_relaxed(&p->has_due_timer)))
        return false;
    return timers_are_due_slow(p);
}

/* now + duration without overflow; RUNG_FOREVER stays for ever. */
static always_inline int64_t time_after(int64_t now, int64_t duration)
{
    int64_t when;
    if (duration < 0)
        duration = 0;
    return __builtin_add_overflow(now, duration, &when) ? INT64_MAX : when;
}

#endif
