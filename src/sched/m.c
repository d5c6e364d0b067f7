/* SPDX-License-Identifier: MIT */
/*
 * m.c: threads: starting, sleeping, waking, and the keeper of timers.
 *
 * An m lives at the top of its g0 stack, which is its thread's own, and never ends: between two
 * rung_runs it sleeps. So a pointer to an m is always good.
 *
 * Sleeping: an m without a p is in sched.idle_ms. Who wakes it takes it out under sched.lock, gives it a
 * p in next_p, and sets its note. One of those that sleep is the keeper: it sleeps until
 * the earliest timer of all, and then takes an idle p by itself. If descriptors are waited for, it sleeps in epoll
 * instead of on the futex: then it is sched.poller too, and whoever wakes it writes to an eventfd. No other may be in
 * there meanwhile, also not while the last one, which was given a p, is on its way out: who becomes the keeper then
 * sleeps on the futex, and is woken as the other is out. A keeper on the futex gives way to the next that goes to sleep.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "machine/unwind.h"
#include "sched/event.h"
#include "sched/netpoll.h"
#include "sched/park.h"

/* ---- plain threads ---- */

/*
 * Solo mode (base/lock.h) holds while one processor runs and no plain thread but rung_run's caller, who
 * sleeps, has called rung. rung_is_solo changes under sched.lock: it begins, and ends with the run, while every m
 * sleeps (run.c). A plain thread ends it: says so, makes every thread see it, and waits until each m has been seen outside the
 * runtime or without a p: what it did by plain stores is done, and from then on it uses atomic ones. An m that runs
 * already, but is not in all_ms yet, is waited for by its starter's lock. One that comes while another still waits has to
 * wait as well.
 */
static void thread_joins(void)
{
    lock_acquire(&sched.lock);
    bool may_be_solo = atomic_load_relaxed(&rung_is_solo) || sched.is_solo_ending;
    sched.is_solo_ending = may_be_solo;
    sched.threads++;
    atomic_store_relaxed(&rung_is_solo, false);
    lock_release(&sched.lock);
    if (!may_be_solo)
        return;
    m_start_barrier();
    fence_heavy(); /* pairs with enter */
    for (struct m *m = atomic_load_acquire(&sched.all_ms); m != NULL; m = m->next_all)
        for (uint32_t i = 0; atomic_load_acquire(&m->in_runtime) != 0 && atomic_load_acquire(&m->p) != NULL; i++)
            os_thread_wait(i);
    lock_acquire(&sched.lock);
    sched.is_solo_ending = false;
    lock_release(&sched.lock);
}

static pthread_key_t adopted_key;
static struct m *adopted_free; /* under sched.lock: of threads that have ended */

struct adopted {
    struct m m;
    struct g g;
};

/*
 * The thread ends. Its scopes lie in frames that are gone.
 * Not for ThreadSanitizer: of a thread that was cancelled in a blocking call it believes that it is still there, and
 * sees none of the locks.
 */
__attribute__((__no_sanitize__("thread"))) static void adopted_end(void *arg)
{
    struct m *m = arg;
    if (sched.is_forked)
        return;
    if (!m->is_thread)
        panic("a goroutine ended its thread");
    if (m_g(m)->locals != NULL)
        locals_end(m_g(m));
    if (m_g(m)->scope != NULL)
        panic("a thread ended with an open scope");
    machine_m_set(NULL);
    lock_acquire(&sched.lock);
    sched.threads--;
    m->next_all = adopted_free;
    adopted_free = m;
    lock_release(&sched.lock);
}

/*
 * The other threads do not exist in the child, locks may be held for ever, and the kernel's epoll is the parent's, too: nothing
 * works there.
 */
static void child_of_fork(void)
{
    struct m *m = machine_m();
    sched.is_forked = true;
    atomic_store_relaxed(&sched.is_running, 0);
    if (m != NULL)
        atomic_store_relaxed(&m->interrupt, 1);
}

/*
 * Before any thread takes a lock of the scheduler's, or sleeps: were the fences to change while one is about to, his would be
 * the weak kind, and the other side's too.
 */
static void adopt_once(void)
{
    os_fence_init();
    if (pthread_key_create(&adopted_key, adopted_end) != 0)
        panic("no thread-specific key left for plain threads");
    if (pthread_atfork(NULL, NULL, child_of_fork) != 0)
        panic("no memory to be told of forks");
    sched.lock.rank = RANK_SCHED;
    for (uint32_t i = 0; i < MOST_PROCS; i++)
        sched.p[i].timers.lock.rank = RANK_TIMERS;
}

void m_interrupt_init(struct m *m)
{
    atomic_store_relaxed(&m->interrupt, 0);
    m->needs_fence = !atomic_load_relaxed(&rung_fence_is_asymmetric);
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
    pthread_once(&once, adopt_once);
    struct m *m = adopted_new();
    m->is_thread = m->is_special = true;
    atomic_store_relaxed(&m->is_asleep, false); /* the thread that had it before may have been cancelled in its sleep */
    m_interrupt_init(m);
    m->errno_location = &errno;
    m->tid = os_thread_id();
    trace_register(m);
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

static void *m_run(void *arg)
{
    struct m *m = arg;
    p_acquire(m, m->next_p);
    m->next_p = NULL;
    return schedule_slow(m);
}

static void m_main(void *arg)
{
    struct m *m = arg;
    atomic_store_relaxed(&m->tid, os_thread_id()); /* for sample_threads */
    m->errno_location = &errno;
    atomic_store_relaxed(&m->state_fd, os_thread_state_open(m->tid)); /* for dumps */
    struct os_signal_stack stack = { (void *)m->signal.low, m->signal.high - m->signal.low };
    os_signal_stack_set(&stack);
    os_thread_precise_timers();
    struct fp_control fp;
    machine_fp_save(&fp);
    rung_fp_load(&m->machine, &fp);
    machine_m_set(m);
    pthread_setspecific(adopted_key, m); /* it does not end, but by pthread_exit in user code */
    rung_mstart(m, m_run);
}

static union lock starting = { .rank = RANK_STARTING }; /* one thread is started at a time */

static struct m *m_prepare(uint32_t number, struct p *p, bool is_spinning)
{
    struct stack g0, signal_stack;
    if (stack_m_new(number, &g0, &signal_stack) != 0)
        return NULL;
    struct m *m = (struct m *)((g0.high - sizeof(struct m)) / CACHE_LINE * CACHE_LINE);
    *m = (struct m){ .in_runtime = 1, .is_spinning = is_spinning, .next_p = p, .number = number, .state_fd = -1 };
    m_interrupt_init(m);
    m->g0 = g0;
    m->g0.high = (uintptr_t)m / PAGE * PAGE;
    m->signal = signal_stack;
    m->take.rank = RANK_TAKE;
    m->random = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ sched.chaos;
    return m;
}

/* Once: what waits for threads is seen in dumps, but not why. */
static void warn_of_no_thread(int error)
{
    static bool has_warned; /* under starting */
    if (has_warned || sched.all_ms == NULL)
        return;
    has_warned = true;
    warn("a thread could not be started (error %d): work waits for the threads there are", -error);
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
    } else {
        warn_of_no_thread(error);
    }
    lock_release(&starting);
    return error;
}

void m_start_barrier(void)
{
    lock_acquire(&starting);
    lock_release(&starting);
}

/*
 * No thread to be had: p idles again. What waits in queues is not lost: until sysmon, which is awake
 * while there is work, has cleared wants_m to try again, nobody else pays for a system call that fails.
 */
static void m_start_failed(struct p *p, bool is_spinning)
{
    lock_acquire(&sched.lock);
    p_idle_put_locked(p);
    lock_release(&sched.lock);
    if (is_spinning)
        atomic_add_seq_cst(&sched.spinning, -1);
    atomic_add_relaxed(&sched.futile, 1);
    atomic_store_relaxed(&sched.wants_m, 1);
    sysmon_wake(); /* no p was acquired, which would have woken it */
}

static void forget_keeper_locked(struct m *m)
{
    if (sched.keeper != m)
        return;
    sched.keeper = NULL;
    atomic_store_relaxed(&sched.keeper_until, NO_KEEPER);
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
    else if (atomic_load_relaxed(&sched.wants_m) || m_new(p, is_spinning) != 0)
        m_start_failed(p, is_spinning);
}

/* ---- sleeping ---- */

#define UNDECIDED INT64_MIN

/* False: another has taken m's place as the keeper, and says itself how long it sleeps. */
static bool keeper_publish(struct m *m, int64_t until)
{
    lock_acquire(&sched.lock);
    bool is_keeper = sched.keeper == m;
    if (is_keeper)
        atomic_store_relaxed(&sched.keeper_until, until);
    lock_release(&sched.lock);
    return is_keeper;
}

/* As the keeper, while others run: when to wake. Publishes it first, then looks, so that no earlier timer is missed. */
static int64_t keeper_decide(struct m *m, bool found_no_p)
{
    for (;;) {
        int64_t until = timers_earliest();
        int64_t soonest = found_no_p ? os_now() + RUNG_MILLISECONDS(1) : 0;
        if (found_no_p && netpoll_has_stash())
            until = soonest;
        if (until != INT64_MAX && until < soonest)
            until = soonest; /* due, but every p is busy: their owners and sysmon see to it */
        if (!keeper_publish(m, until))
            return INT64_MAX;
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
    if (m == NULL)
        sysmon_wake(); /* it is its own keeper: the only m may be asleep with a pinned goroutine */
}

/*
 * Puts m among the idle; it may become the keeper, and the poller, too. Gives back until when it is to sleep; UNDECIDED: that
 * is keeper_decide's. Where all ps idle no timer starts but by who takes the lock after this, for a p or to wake the keeper: so
 * no fence is needed, which is a system call.
 */
static int64_t idle_enter(struct m *m, bool found_no_p)
{
    int64_t until = INT64_MAX;
    note_clear(&m->note);
    lock_acquire(&sched.lock);
    bool may_poll = netpoll_is_used() && sched.poller == NULL && !found_no_p && !netpoll_has_stash();
    bool is_keeper = sched.keeper == NULL || may_poll;
    if (may_poll)
        atomic_store_relaxed(&sched.poller, m);
    if (is_keeper) {
        sched.keeper = m;
        list_push_last(&sched.idle_ms, &m->idle);
        until = sched.idle_procs == sched.procs && !found_no_p ? timers_earliest() : UNDECIDED;
        if (until != UNDECIDED)
            atomic_store_relaxed(&sched.keeper_until, until);
    } else {
        list_push_first(&sched.idle_ms, &m->idle);
    }
    find_check_deadlock_locked();
    lock_release(&sched.lock);
    return until;
}

/* m is out of epoll. Gives back a keeper that could not get in there because of it. */
static struct m *poller_leave_locked(struct m *m)
{
    if (sched.poller != m)
        return NULL;
    atomic_store_relaxed(&sched.poller, MUTANT(NOT_REARMED) ? container_of(&sched.all_ms, struct m, next_all) : NULL);
    return sched.keeper != m ? sched.keeper : NULL;
}

/* For a timer that is due, or events: a p, if one idles; else the events are put away. */
static struct p *idle_p_for_locked(struct poll_events *events)
{
    if (events->count == 0 && !netpoll_has_stash() && timers_earliest() > os_now())
        return NULL;
    struct p *p = p_idle_get_locked();
    if (p == NULL)
        netpoll_stash_locked(events);
    return p;
}

/* Awake: m was given a p, or as the keeper takes one for what there is to do. NULL: sleep on. */
static struct p *idle_leave(struct m *m, struct poll_events *events, bool *found_no_p)
{
    lock_acquire(&sched.lock);
    struct p *p = m->next_p;
    struct m *next = poller_leave_locked(m);
    if (p == NULL) {
        bool had_events = events->count > 0;
        list_remove(&sched.idle_ms, &m->idle);
        forget_keeper_locked(m);
        p = idle_p_for_locked(events);
        *found_no_p = p == NULL && (had_events || netpoll_has_stash() || timers_earliest() <= os_now());
    }
    if (next != NULL)
        note_wake(&next->note);
    lock_release(&sched.lock);
    if (m->next_p == NULL)
        return p;
    m->next_p = NULL;
    note_sleep(&m->note, INT64_MAX); /* its waker has yet to set it: soon */
    return p;
}

void m_stop(struct m *m)
{
    bool found_no_p = false;
    struct poll_events events;
    struct p *p = NULL;
    while (p == NULL) {
        int64_t until = idle_enter(m, found_no_p);
        if (until == UNDECIDED)
            until = keeper_decide(m, found_no_p);
        events.count = 0;
        trace_sleep_begin(m);
        if (atomic_load_relaxed(&sched.poller) == m)
            netpoll_sleep(m, until, &events);
        else
            note_sleep(&m->note, until);
        trace_sleep_end(m);
        p = idle_leave(m, &events, &found_no_p);
    }
    p_acquire(m, p);
    if (events.count > 0)
        netpoll_deliver(m, &events);
}

/* ---- pinned goroutines ---- */

/*
 * A pinned goroutine runs on its own m only. When it parks, the m gives its p away and sleeps; who
 * takes the goroutine out of a queue sends its p there, and finds another for itself.
 */
struct g *m_stop_pinned(struct m *m)
{
    if (m->p != NULL)
        p_hand_over(p_release(m));
    struct p *p;
    while ((p = atomic_load_acquire(&m->next_p)) == NULL) { /* acquire: pairs with m_give_pinned */
        trace_sleep_begin(m);
        note_sleep(&m->note, INT64_MAX);
        trace_sleep_end(m);
        note_take(&m->note); /* and not cleared: who set it again before may have given a p since */
    }
    m->next_p = NULL;
    p_acquire(m, p);
    struct g *g = m->pinned_g;
    check(g->status == G_RUNNABLE);
    return execute(m, g);
}

void m_give_pinned(struct m *m, struct g *g)
{
    struct m *owner = g->pinned;
    struct p *p = p_release(m);
    atomic_store_release(&owner->next_p, p); /* release: pairs with m_stop_pinned */
    note_wake(&owner->note);
}

noinline struct g *m_start_pinned(struct m *m, struct g *g)
{
    m_give_pinned(m, g);
    return schedule_without_p(m);
}
