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
 *
 * A plain thread may start a goroutine at any time, which is of a run or of none (Dekker, with the run's end):
 *   goroutine 1:  1. is_running = 0      2. fence_heavy    3. load holders; if there are, is_running = 1 and wait on
 *   the thread:   1. holders++           2. fence_light    3. load is_running; if not set, no goroutine
 * Once its goroutine is counted, or is not to be, the thread counts itself out as others do at their end.
 */
#include <errno.h>
#include <pthread.h>

#include "base/setting.h"
#include "machine/object.h"
#include "sched/event.h"
#include "sched/park.h"

#define LINGER_NS RUNG_SECONDS(5)

static union lock run_lock; /* is_running changes under it */
static bool is_prepared;

/* ---- once ---- */

static int default_class(void)
{
    size_t wish = setting_size("RUNG_STACK", STACK_SMALLEST, STACK_LARGEST);
    return stack_class(wish != 0 ? wish : STACK_DEFAULT);
}

static int prepare_once(void)
{
    if (is_prepared)
        return 0;
    if (!machine_is_supported())
        return -ENOTSUP;
    os_fence_init(); /* again: there may be a sandbox by now that forbids it */
    if (stack_init() != 0)
        return -ENOMEM;
    sched.stack_class = default_class();
    trim_init();
    for (uint32_t i = 0; i < MOST_PROCS; i++) {
        struct p *p = &sched.p[i];
        p->number = i;
        timers_init(p);
        p->look_every = 1;
    }
    sched.keeper_until = NO_KEEPER;
    object_refresh();
    dump_init();
    sanitize_at_exit(g_show_stacks);
    is_prepared = true;
    return 0;
}

/* ---- each run ---- */

static uint32_t processors_wanted(void)
{
    uint64_t wish = setting_number("RUNG_PROCS");
    if (wish == 0)
        wish = (uint64_t)os_processors();
    return wish < MOST_PROCS ? (uint32_t)wish : MOST_PROCS;
}

/* Takes sched.lock at a moment when every p is where it was, and every m sleeps. */
static void lock_when_idle(void)
{
    for (;;) {
        lock_acquire(&sched.lock);
        bool is_idle = sched.idle_procs == sched.procs && atomic_load_relaxed(&sched.spinning) == 0;
        for (struct m *m = sched.all_ms; m != NULL && is_idle; m = m->next_all)
            is_idle = m->idle.is_queued;
        if (is_idle)
            return;
        lock_release(&sched.lock);
        os_sleep(10000);
    }
}

/*
 * What each run has of its own, and others read without a lock. Nobody does now: a plain thread's deadline, or a timer of the
 * run before, may have been firing until here, on an m that took locks or, in solo mode, did not.
 */
static void set_up(uint32_t procs, uint64_t chaos_seed)
{
    for (uint32_t i = procs; i < sched.procs; i++)
        timers_move(&sched.p[i], &sched.p[0]);
    lock_when_idle();
    pthread_sigmask(SIG_SETMASK, NULL, &sched.signals);
    machine_fp_save(&sched.fp);
    atomic_store_relaxed(&sched.procs, procs);
    sched.chaos = chaos_seed;
    atomic_store_relaxed(&sched.special, chaos_seed != 0 ? SPECIAL_CHAOS : 0);
    sched.ring_size = sched.chaos != 0 ? 4 : RUNQ_SIZE;
    sched.idle_p = NULL;
    atomic_store_relaxed(&sched.idle_procs, 0);
    for (uint32_t i = procs; i-- > 0;) {
        sched.p[i].is_idle = false;
        p_idle_put_locked(&sched.p[i]);
    }
    atomic_store_relaxed(&rung_is_solo, procs == 1 && sched.threads == 1 && chaos_seed == 0);
    lock_release(&sched.lock);
}

/* The last goroutine has ended: its m has yet to go idle. A timer may be firing; see set_up. */
static void wind_up(void)
{
    lock_when_idle();
    atomic_store_relaxed(&rung_is_solo, false);
    lock_release(&sched.lock);
}

/* Beside goroutine 1. Holders first: one that is gone has counted what it started. */
static bool others_live(void)
{
    return atomic_load_acquire(&sched.holders) != 0 || g_count() > 1; /* acquire: pairs with run_let_go */
}

void run_check_end(struct m *m, struct g *ended)
{
    struct g *main = NULL;
    if (ended != NULL && ended == sched.main) { /* a plain thread's may be of the run before: sched.main is being written */
        note_wake(&sched.done);
        return;
    }
    lock_acquire(&sched.lock);
    if (sched.main_ticket != 0 && !others_live() && claim(sched.main, sched.main_ticket)) {
        sched.main_ticket = 0;
        main = sched.main;
    }
    lock_release(&sched.lock);
    if (main != NULL)
        ready(m, main, 0);
}

bool run_hold(void)
{
    atomic_add_seq_cst(&sched.holders, 1);
    fence_light();                                        /* pairs with is_over's fence_heavy */
    return atomic_load_acquire(&sched.is_running) != 0; /* acquire: pairs with start_main: its counts are cleared */
}

void run_let_go(struct m *m)
{
    atomic_add_seq_cst(&sched.holders, -1); /* release: pairs with others_live */
    fence_light();                          /* pairs with rung_wait_for_others' fence_heavy */
    if (unlikely(atomic_load_relaxed(&sched.is_closing)))
        run_check_end(m, NULL);
}

/* No others live, as it seems. From here on plain threads start none. */
static bool is_over(void)
{
    atomic_store_relaxed(&sched.is_running, 0); /* also: goroutine 1's own end is not a deadlock */
    fence_heavy();                              /* pairs with run_hold */
    if (!others_live())
        return true;
    atomic_store_relaxed(&sched.is_running, 1);
    return false;
}

enum { NAGGED = 1 };

static void nag(struct timer *timer, int64_t now)
{
    timer_restart_locked(timer, time_after(now, LINGER_NS));
    lock_acquire(&sched.lock);
    struct g *main = sched.main_ticket != 0 && claim(sched.main, sched.main_ticket) ? sched.main : NULL;
    sched.main_ticket = 0;
    lock_release(&sched.lock);
    if (main != NULL)
        ready(machine_m(), main, NAGGED);
}

static void unlock_sched(struct g *g, void *arg)
{
    (void)g;
    (void)arg;
    lock_release(&sched.lock);
}

/* Goroutine 1, after its function: until it is the last one. A trace names its wait by this, as by a call of the API (wire.c). */
static noinline void rung_wait_for_others(void)
{
    struct timer timer = { .fire = nag };
    struct m *m = enter();
    g_check_returned(m);
    atomic_store_relaxed(&sched.is_closing, 1);
    scope_end_root(m, -ECANCELED);
    fence_heavy(); /* pairs with g_end */
    (void)timer_start(m, &timer, time_after(os_now(), LINGER_NS)); /* without memory nobody is named */
    lock_acquire(&sched.lock);
    while (others_live() || !is_over()) {
        sched.main_ticket = ticket_next(m_g(m), false);
        if (park_with(m, WAIT_SYNC, false, unlock_sched, NULL) == NAGGED)
            dump_lingering();
        m = machine_m();
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
    rung_wait_for_others();
    return 0;
}

/* Each run counts from 0, and numbers its goroutines from 1. */
static void clear_counts(void)
{
    atomic_store_relaxed(&sched.created, 0);
    atomic_store_relaxed(&sched.ended, 0);
    atomic_store_relaxed(&sched.next_id, 0);
    for (uint32_t i = 0; i < MOST_PROCS; i++) {
        struct p *p = &sched.p[i];
        atomic_store_relaxed(&p->created, 0);
        atomic_store_relaxed(&p->ended, 0);
        p->id_next = p->id_end = 0;
    }
}

/*
 * Takes goroutine 1 out of the global queue, if not one thread could be started that would run it, and if it is alone there:
 * the goroutines of plain threads wait until there is a thread. As long as neither that nor wants_m is to be seen, sysmon
 * is starting one.
 */
static bool take_back(struct g *g)
{
    for (uint32_t i = 0;; i++) {
        lock_acquire(&sched.lock);
        bool is_queued = sched.all_ms == NULL && sched.global_first == g;
        bool has_failed = is_queued && atomic_load_relaxed(&sched.wants_m) && is_over();
        if (has_failed) {
            sched.global_first = sched.global_last = NULL;
            atomic_store_relaxed(&sched.global_count, 0);
        }
        lock_release(&sched.lock);
        if (!is_queued || has_failed || g_count() > 1)
            return has_failed;
        os_thread_wait(i);
    }
}

static int start_main(struct main_call *call)
{
    struct m *m = enter();
    if (m == NULL)
        return -ENOTRECOVERABLE;
    atomic_store_relaxed(&sched.root.error, 0);
    clear_counts();
    atomic_store_relaxed(&sched.is_closing, 0);
    atomic_store_relaxed(&sched.wants_m, 0);
    atomic_store_relaxed(&sched.g_cache, G_CACHE);
    struct g *g = g_acquire(m, sched.stack_class);
    if (g == NULL) {
        leave_m(m);
        return -ENOMEM;
    }
    atomic_store_relaxed(&sched.main, g);
    g_prepare_main(m, g, main_goroutine, call, (uintptr_t)call->fn); /* which makes it number 1: others may start now */
    atomic_store_release(&sched.is_running, 1);                        /* release: pairs with run_hold */
    g_start(m, g);
    int error = take_back(g) ? -EAGAIN : 0;
    if (error != 0) {
        atomic_add_relaxed(&sched.ended, 1);
        atomic_store_relaxed(&g->status, G_DEAD);
        g_release(m, g);
    }
    leave_m(m);
    return error;
}

static int run(rung_function *fn, void *arg)
{
    struct main_call call = { fn, arg };
    if (machine_m() == NULL && m_adopt() == NULL) /* which gives the locks their ranks */
        return -ENOTRECOVERABLE;
    int error = prepare_once();
    if (error != 0)
        return error;
    set_up(processors_wanted(), setting_number("RUNG_CHAOS"));
    atomic_store_relaxed(&sched.coarse_now, os_now());
    note_clear(&sched.done);
    error = sysmon_start(); /* before any goroutine: the deadlock check counts threads */
    if (error == 0) {
        trace_run_begin();
        error = start_main(&call);
    }
    if (error != 0) {
        trace_run_end();
        atomic_store_relaxed(&sched.is_running, 0);
        wind_up(); /* sysmon may have got a thread after all, to find nothing to do */
        return error;
    }
    note_sleep(&sched.done, INT64_MAX);
    wind_up();
    trace_run_end();
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
