/* SPDX-License-Identifier: MIT */
/*
 * run.c: rung_run: start-up and shut-down.
 *
 * What can be made once is made once: the reservation, the signal handlers, the threads. Each run then sets
 * the processors (RUNG_PROCS may have changed), makes goroutine 1 and sleeps until it is over.
 *
 * The end: when goroutine 1's function returns, the root scope is cancelled and goroutine 1 waits until it is
 * the last (Dekker, with each goroutine's end):
 *   goroutine 1:  1. is_closing = 1      2. fence_heavy    3. count goroutines; if others live, park
 *   others' end:  1. count oneself out   2. fence_light    3. load is_closing; if set, look at the count
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "machine/object.h"
#include "sched/find.h"

#define LINGER_NS RUNG_SECONDS(5)

static union lock run_lock; /* is_running changes under it */
static bool is_prepared;

/* ---- once ---- */

/* The other threads do not exist in the child, and locks may be held for ever: nothing works there. */
static void child_of_fork(void)
{
    struct m *m = machine_m();
    sched.is_forked = true;
    atomic_store_relaxed(&sched.is_running, 0);
    if (m != NULL)
        m->interrupt = 1;
}

static int default_class(void)
{
    const char *wish = getenv("RUNG_STACK");
    size_t bytes = wish != NULL ? strtoull(wish, NULL, 10) : STACK_DEFAULT;
    int class = bytes >= STACK_SMALLEST ? stack_class(bytes) : -1;
    return class >= 0 ? class : stack_class(STACK_DEFAULT);
}

static int prepare_once(void)
{
    if (is_prepared)
        return 0;
    if (!machine_is_supported())
        return -ENOTSUP;
    os_fence_init();
    if (stack_init() != 0)
        return -ENOMEM;
    if (pthread_atfork(NULL, NULL, child_of_fork) != 0)
        return -ENOMEM;
    sched.stack_class = default_class();
    for (uint32_t i = 0; i < MOST_PROCS; i++) {
        struct p *p = &sched.p[i];
        p->number = i;
        p->timers.next = INT64_MAX;
        p->random = i + 1;
    }
    sched.keeper_until = INT64_MAX;
    object_refresh();
    dump_init();
    is_prepared = true;
    return 0;
}

/* ---- each run ---- */

static uint64_t number_from(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static uint32_t processors_wanted(void)
{
    uint64_t wish = number_from("RUNG_PROCS");
    if (wish == 0)
        wish = (uint64_t)os_processors();
    return wish < MOST_PROCS ? (uint32_t)wish : MOST_PROCS;
}

/* All ms sleep and all ps idle here: between two runs nobody else looks at these. */
static void set_processors(uint32_t procs)
{
    lock_acquire(&sched.lock);
    sched.procs = procs;
    sched.chaos = number_from("RUNG_CHAOS");
    sched.ring_size = sched.chaos != 0 ? 4 : RUNQ_SIZE;
    sched.idle_p = NULL;
    sched.idle_procs = 0;
    for (uint32_t i = procs; i-- > 0;) {
        sched.p[i].is_idle = false;
        p_idle_put_locked(&sched.p[i]);
    }
    lock_release(&sched.lock);
}

void run_check_end(struct m *m, struct g *ended)
{
    struct g *main = NULL;
    if (ended == sched.main) {
        note_wake(&sched.done);
        return;
    }
    lock_acquire(&sched.lock);
    if (sched.main_ticket != 0 && g_count() == 1 && claim(sched.main, sched.main_ticket)) {
        sched.main_ticket = 0;
        main = sched.main;
    }
    lock_release(&sched.lock);
    if (main != NULL)
        ready(m, main, 0);
}

static void nag(struct timer *timer, int64_t now)
{
    (void)timer;
    (void)now;
    atomic_store_relaxed(&sched.is_lingering, 1);
    lock_acquire(&sched.lock);
    struct g *main = sched.main_ticket != 0 && claim(sched.main, sched.main_ticket) ? sched.main : NULL;
    sched.main_ticket = 0;
    lock_release(&sched.lock);
    if (main != NULL)
        ready(machine_m(), main, 0);
}

static void unlock_sched(struct g *g, void *arg)
{
    (void)g;
    (void)arg;
    lock_release(&sched.lock);
}

/* Goroutine 1, after its function: until it is the last one. */
static void wait_for_others(void)
{
    struct timer timer = { .fire = nag };
    struct m *m = enter();
    atomic_store_relaxed(&sched.is_closing, 1);
    scope_end_root(m, -ECANCELED);
    fence_heavy(); /* pairs with exit_m */
    timer_start(m, &timer, time_after(os_now(), LINGER_NS));
    lock_acquire(&sched.lock);
    while (g_count() > 1) {
        sched.main_ticket = ticket_next(m_g(m), false);
        park_with(m, WAIT_SYNC, false, unlock_sched, NULL);
        m = machine_m();
        if (atomic_load_relaxed(&sched.is_lingering)) {
            atomic_store_relaxed(&sched.is_lingering, 0);
            dump_lingering();
            timer_start(m, &timer, time_after(os_now(), LINGER_NS));
        }
        lock_acquire(&sched.lock);
        sched.main_ticket = 0;
    }
    lock_release(&sched.lock);
    timer_stop(&timer);
    leave_m(m);
}

struct main_call {
    rung_function *fn;
    void *arg;
};

static int main_goroutine(void *arg)
{
    struct main_call *call = arg;
    sched.main_result = call->fn(call->arg);
    wait_for_others();
    atomic_store_relaxed(&sched.is_running, 0); /* its own end is not a deadlock */
    return 0;
}

/* The last goroutine has ended and its m has gone idle: every p is where it was. */
static void wait_until_idle(void)
{
    for (;;) {
        lock_acquire(&sched.lock);
        bool is_idle = sched.idle_procs == sched.procs && atomic_load_relaxed(&sched.spinning) == 0;
        for (struct m *m = sched.all_ms; m != NULL && is_idle; m = m->next_all)
            is_idle = m->idle.is_queued;
        lock_release(&sched.lock);
        if (is_idle)
            return;
        os_sleep(10000);
    }
}

static int start_main(struct main_call *call)
{
    struct m *m = enter();
    if (m == NULL)
        return -ENOTRECOVERABLE;
    memset(&sched.root, 0, sizeof sched.root);
    sched.created = sched.ended = 0;
    for (uint32_t i = 0; i < MOST_PROCS; i++)
        sched.p[i].created = sched.p[i].ended = sched.p[i].id_next = sched.p[i].id_end = 0;
    sched.next_id = 0;
    sched.is_closing = 0;
    struct g *g = g_acquire(m, sched.stack_class);
    if (g == NULL) {
        leave_m(m);
        return -ENOMEM;
    }
    sched.main = g;
    solo_begin();
    atomic_store_relaxed(&sched.is_running, 1);
    g_prepare_main(m, g, main_goroutine, call, (uintptr_t)call->fn);
    g_start(m, g);
    if (sched.ms == 0) { /* not one thread could be started: nobody has seen g but the global queue */
        sched.global_first = sched.global_last = NULL;
        sched.global_count = 0;
        atomic_store_relaxed(&g->status, G_DEAD);
        g_release(m, g);
    }
    leave_m(m);
    return sched.ms > 0 ? 0 : -EAGAIN;
}

static int run(rung_function *fn, void *arg)
{
    struct main_call call = { fn, arg };
    int error = prepare_once();
    if (error != 0)
        return error;
    pthread_sigmask(SIG_SETMASK, NULL, &sched.signals);
    machine_fp_save(&sched.fp);
    set_processors(processors_wanted());
    atomic_store_relaxed(&sched.coarse_now, os_now());
    note_clear(&sched.done);
    sysmon_start(); /* before any goroutine: the deadlock check counts threads */
    error = start_main(&call);
    if (error != 0) {
        atomic_store_relaxed(&sched.is_running, 0);
        return error;
    }
    note_sleep(&sched.done, INT64_MAX);
    wait_until_idle();
    solo_end();
    return sched.main_result;
}

int rung_run(rung_function *fn, void *arg)
{
    struct m *m = machine_m();
    if (sched.is_forked)
        return -ENOTRECOVERABLE;
    if (fn == NULL || (m != NULL && !m->is_thread))
        return -EINVAL;
    if (!lock_try_acquire(&run_lock))
        return -EBUSY;
    int result = run(fn, arg);
    lock_release(&run_lock);
    return result;
}
