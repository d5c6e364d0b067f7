/* SPDX-License-Identifier: MIT */
/*
 * find.c: where the next goroutine comes from, and how a thread goes to sleep without missing work.
 *
 * The order: due timers; every 61st turn the global queue; runnext; the ring; the global queue; descriptors; other
 * processors' rings and timers. Then the p is given up, and the m sleeps.
 *
 * The problem is to wake enough threads, and not too many, without a shared word on the fast path.
 * Rejected, with Go's proc.go: a central scheduler (one lock); handing each new goroutine to its own
 * thread (thrashes); waking a thread for each goroutine made ready (most wakes find nothing).
 * Instead some ms spin: they look for work with a p in hand. While one spins nobody is woken.
 *
 * Submit work:            1. queue it        2. fence_light    3. idle p and no spinner? wake one
 * Give up p:              1. idle it         2. if spinning: spinning--   3. fence_heavy   4. look at all queues
 *                         again, unless it did not spin and another does; work there: take an idle p, and spin on
 * Found work as spinner:  1. spinning--      2. if that was the last, and a p idles, wake another: there may be more
 *
 * Either the submitter sees the idle p, and no spinner, and wakes one; or the last who spins, or gives a p up, sees the work.
 * Who did not spin has to look, too: it left the others' queues to a spinner who may be gone by now (Go #45867, which
 * leaves it a note where a waker finds no idle p; but here a waker that sees none takes no lock to leave one).
 *
 * A wake that found nothing, or less work than the wake itself cost, was futile: sched.futile counts them, and p_wake_for
 * wakes less and less often. So two goroutines that talk to each other all the time are left together.
 */
#include "sched/park.h"

#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "sched/netpoll.h"

enum { STEAL_ROUNDS = 4 };

struct sched sched;

/* ---- looking ---- */

static void start_spinning(struct m *m)
{
    m->is_spinning = true;
    atomic_add_seq_cst(&sched.spinning, 1);
}

/* The spinner has found work: perhaps there is more, for another. */
static void stop_spinning(struct m *m)
{
    m->is_spinning = false;
    m->found_at = os_now();
    if (atomic_add_seq_cst(&sched.spinning, -1) == 1) {
        fence_light();
        if (atomic_load_relaxed(&sched.idle_procs) != 0)
            p_wake();
    }
}

/* m has nothing left to do: was it worth while to wake it? */
static void judge_wake(struct m *m)
{
    if (m->found_at == 0)
        return;
    if (os_now() - m->found_at >= WAKE_NS)
        atomic_store_relaxed(&sched.futile, 0);
    else
        atomic_add_relaxed(&sched.futile, 1);
    m->found_at = 0;
}

static struct g *get_local(struct p *p)
{
    struct g *g = atomic_load_relaxed(&p->runnext) != NULL ? runq_next_swap(p, NULL) : NULL;
    if (g == NULL)
        g = runq_get_parent_in_turn(p);
    if (g == NULL)
        g = runq_get_ring(p);
    return g != NULL ? g : runq_pop_parent(p);
}

/* Other processors' goroutines, and what their due timers make ready here. */
static struct g *steal(struct m *m)
{
    struct p *p = m->p;
    int64_t now = 0;
    for (int round = 0; round < STEAL_ROUNDS; round++) {
        bool is_last = round == STEAL_ROUNDS - 1;
        uint32_t start = random_next(&m->random) % sched.procs;
        for (uint32_t i = 0; i < sched.procs; i++) {
            struct p *from = &sched.p[(start + i) % sched.procs];
            if (from == p)
                continue;
            if (is_last && atomic_load_relaxed(&from->timers.next) != INT64_MAX) {
                now = now != 0 ? now : os_now();
                if (timers_run(from, now) > 0) {
                    struct g *g = get_local(p);
                    if (g != NULL)
                        return g;
                }
            }
            struct g *g = runq_steal(p, from, is_last);
            if (g == NULL && is_last) {
                runq_take_parents(p, from);
                g = runq_get_ring(p);
            }
            if (g != NULL)
                return g;
        }
    }
    return NULL;
}

static struct g *look(struct m *m)
{
    struct p *p = m->p;
    if (atomic_load_relaxed(&p->timers.next) != INT64_MAX && (timers_have_turn(p) || !runq_is_long(p)) && timers_look(p))
        timers_run(p, p->looked_at);
    atomic_store_relaxed(&p->has_due_timer, false);
    struct g *g = NULL;
    bool is_global_turn = p->turns_left == 0; /* counted on, or who comes here each time would never look at the ring */
    atomic_store_relaxed(&p->turns_left, is_global_turn ? GLOBAL_TURN : p->turns_left - 1);
    if (is_global_turn && unlikely(netpoll_has_stash()))
        netpoll_look(m);
    if (is_global_turn || chaos(m, 3))
        g = global_get(p);
    if (g == NULL && !chaos(m, 4))
        g = get_local(p);
    if (g == NULL)
        g = global_get(p);
    if (g == NULL && unlikely(netpoll_is_used()) && netpoll_look(m))
        g = get_local(p);
    if (g != NULL || sched.procs == 1)
        return g != NULL ? g : get_local(p);
    judge_wake(m);
    /* At most half of the busy processors' number may spin. */
    uint32_t busy = sched.procs - atomic_load_relaxed(&sched.idle_procs);
    if (m->is_spinning || 2 * atomic_load_relaxed(&sched.spinning) < busy) {
        if (!m->is_spinning)
            start_spinning(m);
        g = steal(m);
    }
    return g != NULL ? g : get_local(p);
}

/* ---- giving up ---- */

bool find_has_work(void)
{
    if (atomic_load_relaxed(&sched.global_count) != 0 || netpoll_has_stash())
        return true;
    for (uint32_t i = 0; i < atomic_load_relaxed(&sched.procs); i++)
        if (!runq_is_empty(&sched.p[i]))
            return true;
    return false;
}

/* Steps 2 to 4 of "give up p". True if m has a p again and spins on. */
static bool spin_on(struct m *m)
{
    bool has_spun = m->is_spinning;
    m->is_spinning = false;
    if (has_spun)
        atomic_add_seq_cst(&sched.spinning, -1);
    fence_heavy(); /* pairs with wake_others' fence_light */
    if (!has_spun && (MUTANT(LOOK_ONCE) || atomic_load_relaxed(&sched.spinning) != 0))
        return false;
    if (MUTANT(NO_RECHECK) || !find_has_work()) {
        atomic_add_relaxed(&sched.futile, has_spun);
        return false;
    }
    struct p *p = p_take_idle();
    if (p == NULL)
        return false;
    p_acquire(m, p);
    start_spinning(m);
    return true;
}

/* There is nothing to do for m's p: gives it up, and comes back with a p and a reason to look again, or a g. */
static struct g *give_up(struct m *m)
{
    lock_acquire(&sched.lock);
    struct g *g = global_get_locked(m->p);
    if (g != NULL) {
        lock_release(&sched.lock);
        return g;
    }
    if (unlikely(netpoll_has_stash())) {
        lock_release(&sched.lock);
        return NULL;
    }
    p_idle_put_locked(p_release(m));
    lock_release(&sched.lock);
    bool is_sure = sched.procs == 1 && !m->is_spinning; /* what others queue was seen under the lock: no fence, then */
    if (is_sure || !spin_on(m))
        m_stop(m);
    return NULL;
}

static struct g *find(struct m *m)
{
    for (;;) {
        if (unlikely(atomic_load_relaxed(&sched.wants_trim) != 0) && !m->is_spinning)
            trim_batch();
        struct g *g = look(m);
        if (g == NULL)
            g = give_up(m);
        if (g != NULL)
            return g;
    }
}

static void get_p(struct m *m)
{
    struct p *p = p_take_idle();
    if (p != NULL)
        p_acquire(m, p);
    else
        m_stop(m);
}

noinline struct g *schedule_slow(struct m *m)
{
    if (MUTANT(BEGIN_UNWAITED) && random_next(&m->random) % 32 == 0)
        os_sleep(1000000); /* a trace begins meanwhile */
    if (m->pinned_g != NULL)
        return m_stop_pinned(m);
    for (;;) {
        struct g *g = m->next_g != NULL ? m->next_g : find(m);
        m->next_g = NULL;
        if (m->is_spinning)
            stop_spinning(m);
        atomic_store_relaxed(&m->yield, 0);
        if (likely(!g->is_pinned || g->pinned == m))
            return execute(m, g);
        m_give_pinned(m, g);
        get_p(m);
    }
}

struct g *schedule_without_p(struct m *m)
{
    if (m->pinned_g != NULL)
        return m_stop_pinned(m);
    get_p(m);
    return schedule_slow(m);
}

/* ---- deadlock ---- */

/*
 * Threads of this process: only those that rung started, and rung_run's caller, cannot wake a goroutine. Where they cannot be
 * counted (no /proc, no descriptor left) there may be others.
 */
static uint32_t threads_of_process(void)
{
    char text[2048];
    uint32_t threads;
    const char *line = os_read_file("/proc/self/status", text, sizeof text) > 0 ? strstr(text, "\nThreads:") : NULL;
    return line != NULL && sscanf(line, "\nThreads: %u", &threads) == 1 ? threads : UINT32_MAX;
}

/*
 * m is the last to go to sleep. If every p idles, no goroutine is in user code, no timer is pending
 * and no foreign thread is there that could call in, nothing will ever happen again.
 */
void find_check_deadlock_locked(void)
{
    if (sched.idle_procs != sched.procs || atomic_load_relaxed(&sched.ms_without_p) != 0 ||
        sched.global_count != 0 || !atomic_load_relaxed(&sched.is_running))
        return;
    /* Between two runs, and until goroutine 1 is queued, there is nothing to be stuck. */
    struct g *main = atomic_load_relaxed(&sched.main);
    if (main == NULL || atomic_load_acquire(&main->status) != G_WAITING)
        return;
    for (struct m *m = atomic_load_acquire(&sched.all_ms); m != NULL; m = m->next_all)
        if (!m->idle.is_queued)
            return;
    if (timers_earliest() != INT64_MAX || find_has_work() || netpoll_has_waiters())
        return;
    uint32_t ours = atomic_load_relaxed(&sched.ms) + atomic_load_relaxed(&sched.sysmon_started) + 1 +
                    atomic_load_relaxed(&sched.threads_asleep) + trace_threads();
    if (threads_of_process() > ours)
        return;
    lock_release(&sched.lock);
    fatal(2, "all goroutines are asleep - deadlock!");
}
