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
        uint32_t word = atomic_load_acquire(&g->wait); /* acquire: pairs with make_reachable */
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

/* A thread has no scope's end to wait for that a timer of rung's could not also miss: it just sleeps. */
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
        os_sleep(duration_ns);
        return 0;
    }
    g->timer.fire = wake_sleeper;
    g->timer_ticket = ticket_next(g, true);
    if (duration_ns != RUNG_FOREVER)
        timer_start(m, &g->timer, time_after(os_now(), duration_ns));
    result = park(m, WAIT_SLEEP, true, NULL);
    if (unlikely(result < 0))
        timer_stop(&g->timer);
    leave();
    return result;
}

/* ---- timers with channels ---- */

struct rung_timer {
    struct timer timer;
    union lock lock;    /* one stop or reset at a time; taken before the heap's */
    int64_t period;     /* under the heap's lock while pending */
    struct rung_chan *chan;
};

static void tick(struct timer *timer, int64_t now)
{
    struct rung_timer *self = container_of(timer, struct rung_timer, timer);
    struct waiter *served;
    object_lock(&self->chan->lock);
    int result = chan_send_locked(self->chan, &now, &served);
    object_unlock(&self->chan->lock);
    (void)result; /* full: nobody took the last tick; this one is dropped */
    if (served != NULL)
        chan_ready(machine_m(), served);
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
    chan->count = 0;
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
    rung_timer_reset(made, first_ns, period_ns);
    *timer = made;
    return 0;
}

rung_chan *rung_timer_chan(rung_timer *timer)
{
    return timer->chan;
}

/*
 * A timer that is pending far from its time needs no stop: setting it anew is one store under the heap's lock. The
 * buffer is emptied after that, so that a tick that fired meanwhile is not received any more.
 */
int rung_timer_reset(rung_timer *timer, int64_t first_ns, int64_t period_ns)
{
    if (period_ns < 0)
        return -EINVAL;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    object_lock(&timer->lock);
    bool was_pending = timer_stop(&timer->timer);
    timer->period = period_ns;
    drain(timer->chan);
    if (first_ns != RUNG_FOREVER)
        timer_start(m, &timer->timer, time_after(os_now(), first_ns));
    object_unlock(&timer->lock);
    leave_m(m);
    return was_pending;
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
