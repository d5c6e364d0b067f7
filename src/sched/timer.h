/* SPDX-License-Identifier: MIT */
/*
 * timer.h: the timers of each processor.
 *
 * A timer belongs to the calendar (calendar.h) of the p it was started on, until it fires or is stopped. The owner of a
 * p looks at its calendar between turns; a thief runs the due timers of others; when all sleep, one m, the keeper, wakes
 * for the earliest of all (m.c). sysmon notices what is due on a busy p.
 *
 * Functions are called with the lock of the timers held, on an m with a p, on g0: they claim and ready goroutines
 * or try to send, and may take any lock ranked above. A timer that is stopped under that lock is not
 * firing, so that its memory may go.
 *
 * A timer set later keeps its old place: the entry holds a time not after the timer's own, and is put right
 * when it comes up. So a deadline that is pushed back again and again costs one store each time.
 *
 * timers.next may be earlier than any timer, for a while, where the earliest of very many was stopped: at that time one
 * look is taken in vain, and then it is right again.
 */
#ifndef RUNG_TIMER_H
#define RUNG_TIMER_H

#include "sched/sched.h"

/* Starts one that is not pending: 0, or -ENOMEM. `when` in absolute nanoseconds. */
int timer_start(struct m *m, struct timer *timer, int64_t when);

/* Gives it another time if it is pending. False: it is not, and does not run. */
bool timer_set(struct m *m, struct timer *timer, int64_t when);

/* True if it was pending. After this it does not run, on no thread. */
bool timer_stop(struct timer *timer);

/* Within a timer's function: starts it again, in the calendar that is locked already. */
void timer_restart_locked(struct timer *timer, int64_t when);

/* Calls the functions of those that are due; of some, while enough goroutines wait for a turn. Gives back how many. */
uint32_t timers_run(struct p *p, int64_t now);

/* Before a run: the first, and each with another number of processors. */
void timers_init(struct p *p);
void timers_move(struct p *from, struct p *to);

/* The earliest of all processors, or INT64_MAX. */
int64_t timers_earliest(void);

/*
 * A busy p looks at the clock after so many departures as lately took CLOCK_NS, and at most so many as a long ring holds:
 * where very many are due no more fire than had a turn since, so that what they make ready does not pile up. Turns
 * take from 10 ns to 10 ms; where they become long all at once sysmon says when a timer is due.
 */
#define CLOCK_NS INT64_C(10000)
enum { MOST_DEPARTURES = 32 };

/* Reads the clock: whether some are due. */
bool timers_look(struct p *p);

/* Whether it is time for that. */
static always_inline bool timers_have_turn(const struct p *p)
{
    return unlikely(p->look_in < 0) || unlikely(atomic_load_relaxed(&p->has_due_timer));
}

/* The same, once for each departure. */
static always_inline bool timers_may_be_due(struct p *p)
{
    p->look_in--;
    return timers_have_turn(p);
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
