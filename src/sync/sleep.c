/* SPDX-License-Identifier: MIT */
/*
 * sleep.c: sleeping, and timers that send into a channel.
 *
 * A sleeper starts its timer before it parks, with the ticket that the park will open. Should it fire
 * before that, the claim fails with the ticket yet to come, and the timer is set again a moment later.
 */
#include <errno.h>
#include <stdlib.h>

#include "sched/timer.h"
#include "sync/chan.h"

enum {
    WOKEN_LINES = 5, /* of a sleeper's stack, up to its caller's frame */
    WOKEN_BELOW = 4, /* of these, below park_until's frame pointer: that is how deep a switch goes */
    G_LINES = (offsetof(struct g, timer) + CACHE_LINE - 1) / CACHE_LINE, /* of g, before its timer */
    TICK_LINES = 2,  /* of a channel */
};
#define AGAIN_NS INT64_C(2000)

int64_t rung_now(void)
{
    return os_now();
}

/* The word is that of the park before, that of this park, or (it is over) another: look until that is sure. */
static void wake_sleeper(struct timer *timer, int64_t now)
{
    struct g *g = container_of(timer, struct g, timer);
    for (;;) {
        uint32_t word = wait_word(g);
        if (word == g->timer_ticket) {
            if (!claim(g, word))
                continue;
            ready(machine_m(), g, 0);
        } else if (ticket_after(word, true) == g->timer_ticket) {
            timer_restart_locked(timer, now + AGAIN_NS);
        }
        return;
    }
}

/* INT64_MAX: for ever. Then m is stale. */
static int park_until(struct m *m, struct g *g, int64_t until)
{
    m->sleep_until = until;
    g->timer.fire = wake_sleeper;
    g->timer.touched = (char *)__builtin_frame_address(0) - WOKEN_BELOW * CACHE_LINE + 2 * sizeof(void *);
    g->timer.touched_lines = WOKEN_LINES;
    g->timer.lines_before = G_LINES;
    g->timer_ticket = ticket_next(g, true);
    if (until != INT64_MAX && unlikely(timer_start(m, &g->timer, until) < 0))
        return -ENOMEM;
    int result = park_with(m, WAIT_SLEEP, true, NULL, NULL);
    if (unlikely(result < 0 || g->is_thread))
        timer_stop(&g->timer);
    return result;
}

/* A plain thread without a scope needs nothing of rung for this. */
int rung_sleep(int64_t duration_ns)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    struct g *g = m_g(m);
    int result = atomic_load_relaxed(&g->ended);
    if (unlikely(result != 0) || duration_ns <= 0) {
        leave_m(m);
        if (result == 0)
            rung_yield();
        return result;
    }
    if (unlikely(g->is_thread && g->scope == NULL)) {
        leave_m(m);
        os_sleep_until(time_after(os_now(), duration_ns));
        return 0;
    }
    result = park_until(m, g, time_after(clock_now(&m->clock), duration_ns));
    leave();
    return result;
}

/* ---- timers with channels ---- */

struct rung_timer {
    struct timer timer;
    union lock lock;    /* one stop or reset at a time; taken before the timers' */
    int64_t period;     /* under the timers' lock while pending */
    struct rung_chan *chan;
};

static void tick(struct timer *timer, int64_t now)
{
    struct rung_timer *self = container_of(timer, struct rung_timer, timer);
    struct waiter *served;
    object_lock(&self->chan->lock);
    int result = chan_send_locked(self->chan, &now, &served, is_solo());
    object_unlock(&self->chan->lock);
    (void)result; /* full: nobody took the last tick; this one is dropped */
    if (served != NULL)
        chan_ready(machine_m(), served, is_solo());
    if (self->period > 0) {
        int64_t next = time_after(timer->when, self->period);
        timer_restart_locked(timer, next > now ? next : time_after(now, self->period));
    }
}

static void drain(struct rung_chan *chan)
{
    if (atomic_load_relaxed(&chan->count) == 0)
        return;
    object_lock(&chan->lock);
    atomic_store_relaxed(&chan->count, 0);
    object_unlock(&chan->lock);
}

int rung_timer_open(rung_timer **timer, int64_t first_ns, int64_t period_ns)
{
    if (timer == NULL || period_ns < 0)
        return -EINVAL;
    if (sched.is_forked)
        return -ENOTRECOVERABLE;
    if (!atomic_load_relaxed(&sched.is_running))
        return -ESRCH;
    struct rung_timer *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    int error = rung_chan_open(&made->chan, sizeof(int64_t), 1);
    if (error != 0) {
        free(made);
        return error;
    }
    made->timer.fire = tick;
    made->timer.touched = made->chan;
    made->timer.touched_lines = TICK_LINES;
    error = rung_timer_reset(made, first_ns, period_ns);
    if (error < 0) {
        rung_timer_close(made);
        return error;
    }
    *timer = made;
    return 0;
}

rung_chan *rung_timer_chan(rung_timer *timer)
{
    return timer->chan;
}

/*
 * The buffer is emptied between stop and start, so that a tick that has fired is not received any more. One without a
 * period that is still pending has not fired since that was done: it just gets another time.
 */
int rung_timer_reset(rung_timer *timer, int64_t first_ns, int64_t period_ns)
{
    if (period_ns < 0)
        return -EINVAL;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int64_t when = first_ns != RUNG_FOREVER ? time_after(clock_now(&m->clock), first_ns) : INT64_MAX;
    int error = 0;
    object_lock_ranked(&timer->lock, RANK_TIMER);
    bool is_simple = timer->period == 0 && period_ns == 0 && first_ns != RUNG_FOREVER;
    bool was_pending = is_simple ? timer_set(m, &timer->timer, when) : timer_stop(&timer->timer);
    if (!is_simple || !was_pending) {
        timer->period = period_ns;
        drain(timer->chan);
        if (first_ns != RUNG_FOREVER)
            error = timer_start(m, &timer->timer, when);
    }
    object_unlock(&timer->lock);
    leave_m(m);
    return error < 0 ? error : was_pending;
}

int rung_timer_stop(rung_timer *timer)
{
    return rung_timer_reset(timer, RUNG_FOREVER, 0);
}

void rung_timer_close(rung_timer *timer)
{
    if (timer == NULL)
        return;
    rung_timer_stop(timer);
    rung_chan_free(timer->chan);
    free(timer);
}
