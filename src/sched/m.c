/* SPDX-License-Identifier: MIT */
/*
 * m.c: threads: starting, sleeping, waking, and the keeper of timers.
 *
 * An m lives at the top of its g0 stack, which is its thread's own, and never ends: between two
 * rung_runs it sleeps. So a pointer to an m is always good.
 *
 * Sleeping: an m without a p is in sched.idle_ms. Who wakes it takes it out under sched.lock, gives it a
 * p in next_p, and sets its note. One of those that sleep is the keeper: it sleeps until
 * the earliest timer of all, and then takes an idle p by itself.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "machine/unwind.h"
#include "sched/find.h"

/* ---- plain threads ---- */

/*
 * Solo mode (base/lock.h) holds while one processor runs and no plain thread but rung_run's caller, who
 * sleeps, has called rung. rung_is_solo changes under sched.lock.
 */
void solo_begin(void)
{
    lock_acquire(&sched.lock);
    rung_is_solo = sched.procs == 1 && sched.threads == 1;
    lock_release(&sched.lock);
}

void solo_end(void)
{
    lock_acquire(&sched.lock);
    rung_is_solo = false;
    lock_release(&sched.lock);
}

/*
 * A plain thread ends it: says so, makes every thread see it, and waits until each m has been seen outside the
 * runtime or without a p: what it did by plain stores is done, and from then on it uses atomic ones.
 */
static void thread_joins(void)
{
    lock_acquire(&sched.lock);
    bool was_solo = rung_is_solo;
    sched.threads++;
    rung_is_solo = false;
    lock_release(&sched.lock);
    if (!was_solo)
        return;
    fence_heavy(); /* pairs with enter's fence_light */
    for (struct m *m = atomic_load_acquire(&sched.all_ms); m != NULL; m = m->next_all)
        while (atomic_load_acquire(&m->in_runtime) != 0 && atomic_load_relaxed(&m->p) != NULL)
            os_thread_yield();
}

static pthread_key_t adopted_key;
static struct m *adopted_free; /* under sched.lock: of threads that have ended */

struct adopted {
    struct m m;
    struct g g;
};

static void adopted_end(void *arg)
{
    struct m *m = arg;
    machine_m_set(NULL);
    lock_acquire(&sched.lock);
    sched.threads--;
    m->next_all = adopted_free;
    adopted_free = m;
    lock_release(&sched.lock);
}

static void adopted_key_make(void)
{
    if (pthread_key_create(&adopted_key, adopted_end) != 0)
        panic("no thread-specific key left for plain threads");
}

/* Never freed: a late canceller may still look at its g. */
static struct m *adopted_new(void)
{
    lock_acquire(&sched.lock);
    struct m *m = adopted_free;
    if (m != NULL)
        adopted_free = m->next_all;
    lock_release(&sched.lock);
    if (m != NULL)
        return m;
    struct adopted *adopted = aligned_alloc(CACHE_LINE, round_up(sizeof *adopted, (size_t)CACHE_LINE));
    if (adopted == NULL)
        panic("no memory for a thread that calls rung");
    memset(adopted, 0, sizeof *adopted);
    adopted->g.is_thread = true;
    adopted->g.status = G_RUNNING;
    adopted->m.machine.g = &adopted->g;
    return &adopted->m;
}

noinline struct m *m_adopt(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (sched.is_forked)
        return NULL;
    int saved = errno;
    pthread_once(&once, adopted_key_make);
    struct m *m = adopted_new();
    m->is_thread = true;
    m->errno_location = &errno;
    m->tid = os_thread_id();
    struct stack_range range = { 0, 0 };
    unwind_thread_range(&range);
    m->g0 = (struct stack){ .low = range.lo, .high = range.hi };
    m->random = (uint64_t)m->tid * UINT64_C(0x9e3779b97f4a7c15) + 1;
    m_g(m)->m = m;
    pthread_setspecific(adopted_key, m);
    machine_m_set(m);
    thread_joins();
    errno = saved;
    return m;
}

/* ---- rung's own threads ---- */

static void m_run(void *arg)
{
    struct m *m = arg;
    sanitize_never_returns();
    p_acquire(m, m->next_p);
    m->next_p = NULL;
    schedule_slow(m);
}

static void m_main(void *arg)
{
    struct m *m = arg;
    m->tid = os_thread_id();
    m->errno_location = &errno;
    m->state_fd = os_thread_state_open(m->tid);
    struct os_signal_stack stack = { (void *)m->signal.low, m->signal.high - m->signal.low };
    os_signal_stack_set(&stack);
    os_thread_precise_timers();
    struct fp_control fp;
    machine_fp_save(&fp);
    rung_fp_load(&m->machine, &fp);
    machine_m_set(m);
    rung_mstart(m, m_run);
}

static union lock starting; /* one thread is started at a time; ranks below sched.lock */

static struct m *m_prepare(uint32_t number, struct p *p, bool is_spinning)
{
    struct stack g0, signal_stack;
    if (stack_m_new(number, &g0, &signal_stack) != 0)
        return NULL;
    struct m *m = (struct m *)((g0.high - sizeof(struct m)) / CACHE_LINE * CACHE_LINE);
    *m = (struct m){ .in_runtime = 1, .is_spinning = is_spinning, .next_p = p, .number = number };
    m->g0 = g0;
    m->g0.high = (uintptr_t)m / PAGE * PAGE;
    m->signal = signal_stack;
    m->random = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ sched.chaos;
    return m;
}

/* Starts a thread with the signal mask of rung_run's caller, whoever needs it. */
static int m_new(struct p *p, bool is_spinning)
{
    int error = -ENOMEM;
    lock_acquire(&starting);
    struct m *m = m_prepare(sched.ms, p, is_spinning);
    if (m != NULL) {
        atomic_store_relaxed(&sched.ms, sched.ms + 1);
        sigset_t old;
        pthread_sigmask(SIG_SETMASK, &sched.signals, &old);
        error = os_thread_start(m_main, m, (void *)m->g0.low, m->g0.high - m->g0.low);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (error != 0)
            atomic_store_relaxed(&sched.ms, sched.ms - 1);
    }
    if (error == 0) {
        lock_acquire(&sched.lock);
        m->next_all = sched.all_ms;
        atomic_store_release(&sched.all_ms, m); /* release: pairs with readers of the list */
        lock_release(&sched.lock);
    }
    lock_release(&starting);
    return error;
}

/* No thread to be had: p idles again, and sysmon tries later. What waits in queues is not lost. */
static void m_start_failed(struct p *p, bool is_spinning)
{
    lock_acquire(&sched.lock);
    p_idle_put_locked(p);
    lock_release(&sched.lock);
    if (is_spinning)
        atomic_add_seq_cst(&sched.spinning, -1);
    atomic_store_relaxed(&sched.wants_m, 1);
}

static void forget_keeper_locked(struct m *m)
{
    if (sched.keeper != m)
        return;
    sched.keeper = NULL;
    atomic_store_relaxed(&sched.keeper_until, INT64_MAX);
}

static struct m *idle_m_get_locked(void)
{
    struct link *link = list_pop_first(&sched.idle_ms);
    if (link == NULL)
        return NULL;
    struct m *m = container_of(link, struct m, idle);
    forget_keeper_locked(m);
    return m;
}

void m_start(struct p *p, bool is_spinning)
{
    lock_acquire(&sched.lock);
    struct m *m = idle_m_get_locked();
    if (m != NULL) {
        m->next_p = p;
        m->is_spinning = is_spinning;
    }
    lock_release(&sched.lock);
    if (m != NULL)
        note_wake(&m->note);
    else if (m_new(p, is_spinning) != 0)
        m_start_failed(p, is_spinning);
}

/* ---- sleeping ---- */

/* As the keeper: when to wake. Publishes it first, then looks, so that no earlier timer is missed. */
static int64_t keeper_decide(bool found_no_p)
{
    for (;;) {
        int64_t until = timers_earliest();
        int64_t soonest = found_no_p ? os_now() + RUNG_MILLISECONDS(1) : 0;
        if (until != INT64_MAX && until < soonest)
            until = soonest; /* due, but every p is busy: their owners and sysmon see to it */
        atomic_store_relaxed(&sched.keeper_until, until);
        fence_heavy(); /* pairs with timer.c's tell_keeper */
        int64_t earliest = timers_earliest();
        if (earliest >= until || (found_no_p && until <= soonest))
            return until;
    }
}

void keeper_wake(void)
{
    lock_acquire(&sched.lock);
    struct m *m = sched.keeper;
    if (m != NULL)
        note_wake(&m->note);
    lock_release(&sched.lock);
}

/* Puts m among the idle. Gives back whether it is the keeper now. */
static bool idle_enter(struct m *m)
{
    note_clear(&m->note);
    lock_acquire(&sched.lock);
    bool is_keeper = sched.keeper == NULL;
    if (is_keeper) {
        sched.keeper = m;
        list_push_last(&sched.idle_ms, &m->idle);
    } else {
        list_push_first(&sched.idle_ms, &m->idle);
    }
    find_check_deadlock_locked();
    lock_release(&sched.lock);
    return is_keeper;
}

/* Awake: m was given a p, or as the keeper takes one for a timer that is due. NULL: sleep on. */
static struct p *idle_leave(struct m *m, bool *found_no_p)
{
    lock_acquire(&sched.lock);
    struct p *p = m->next_p;
    if (p == NULL) {
        list_remove(&sched.idle_ms, &m->idle);
        forget_keeper_locked(m);
        *found_no_p = false;
        if (timers_earliest() <= os_now()) {
            p = p_idle_get_locked();
            *found_no_p = p == NULL;
        }
        lock_release(&sched.lock);
        return p;
    }
    lock_release(&sched.lock);
    m->next_p = NULL;
    note_sleep(&m->note, INT64_MAX); /* its waker has yet to set it: soon */
    return p;
}

void m_stop(struct m *m)
{
    bool found_no_p = false;
    struct p *p = NULL;
    while (p == NULL) {
        bool is_keeper = idle_enter(m);
        note_sleep(&m->note, is_keeper ? keeper_decide(found_no_p) : INT64_MAX);
        p = idle_leave(m, &found_no_p);
    }
    p_acquire(m, p);
}

/* ---- pinned goroutines ---- */

/*
 * A pinned goroutine runs on its own m only. When it parks, the m gives its p away and sleeps; who
 * takes the goroutine out of a queue sends its p there, and finds another for itself.
 */
noreturn noinline void m_stop_pinned(struct m *m)
{
    sanitize_never_returns();
    if (m->p != NULL)
        p_hand_over(p_release(m));
    struct p *p;
    while ((p = atomic_load_acquire(&m->next_p)) == NULL) { /* acquire: pairs with m_give_pinned */
        note_sleep(&m->note, INT64_MAX);
        note_clear(&m->note);
    }
    m->next_p = NULL;
    p_acquire(m, p);
    struct g *g = m->pinned_g;
    check(g->status == G_RUNNABLE);
    execute(m, g);
}

void m_give_pinned(struct m *m, struct g *g)
{
    struct m *owner = g->pinned;
    struct p *p = p_release(m);
    atomic_store_release(&owner->next_p, p); /* release: pairs with m_stop_pinned */
    note_wake(&owner->note);
}

noreturn noinline void m_start_pinned(struct m *m, struct g *g)
{
    sanitize_never_returns();
    m_give_pinned(m, g);
    schedule_without_p(m);
}
