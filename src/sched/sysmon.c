/* SPDX-License-Identifier: MIT */
/*
 * sysmon.c: the watcher: a thread without a p that keeps the others honest.
 *
 * Each round (20 us apart while something happens, up to 10 ms apart else) it looks at every held p.
 * A p whose turn has not changed since the last round is in user code for that long:
 *   its goroutine said rung_blocking, or its thread sleeps in the kernel: taken, if work waits
 *   10 ms: asked to yield at its next call; and taken, if work waits
 * Taking is the hand-shake of park.h. The goroutine's thread goes on without a p.
 *
 * It also wakes a processor for work that has waited through a round (p_wake_for may have skipped it), for due
 * timers on busy processors, and tries again where a thread could not be started. While every p
 * idles it sleeps, first in steps of 10 ms, then until a p is acquired.
 */
#include <errno.h>

#include "machine/object.h"
#include "sched/find.h"

enum { STACK_BYTES = 256 * 1024 };
#define SHORTEST_NS   INT64_C(20000)
#define LONGEST_NS    INT64_C(10000000)
#define QUIET_ROUNDS  50
#define IDLE_ROUNDS   10
#define OBJECTS_NS    INT64_C(1000000000)

struct round {
    int64_t now;
    int64_t delay;
    uint32_t quiet; /* rounds in a row without anything to do */
    uint32_t idle;  /* rounds in a row with all processors idle */
    int64_t objects_at;
};

/* ---- taking ---- */

/* Takes p from the m that holds it, unless that is in the runtime. True: p is nobody's now. */
static bool take(struct p *p)
{
    struct m *m = atomic_load_relaxed(&p->m);
    if (m == NULL)
        return false;
    lock_acquire(&m->take);
    atomic_store_relaxed(&m->taken, 1);
    fence_heavy(); /* pairs with enter */
    bool is_mine = atomic_load_acquire(&m->in_runtime) == 0 && m->p == p; /* acquire: pairs with leave */
    if (is_mine) {
        atomic_store_relaxed(&m->p, NULL);
        atomic_store_relaxed(&p->m, NULL);
        atomic_add_relaxed(&sched.ms_without_p, 1);
        atomic_add_relaxed(&sched.hand_overs, 1);
    } else {
        atomic_store_relaxed(&m->taken, 0);
    }
    lock_release(&m->take);
    return is_mine;
}

/* Work that p's goroutine keeps waiting: its own queue, the global one, due timers. */
static bool others_wait(struct p *p, int64_t now)
{
    return !runq_is_empty(p) || atomic_load_relaxed(&sched.global_count) != 0 ||
           atomic_load_relaxed(&p->timers.next) <= now;
}

/* Asks less and less often: each answer costs a system call. */
static bool is_asleep(struct p *p, struct m *m)
{
    uint32_t checks = ++p->seen_checks;
    if (checks > 4 && (checks & (checks - 1)) != 0)
        return false;
    return m->state_fd >= 0 && os_thread_is_asleep(m->state_fd) == 1;
}

/* Whether sysmon did something. */
static bool watch(struct p *p, const struct round *round)
{
    struct m *m = atomic_load_relaxed(&p->m);
    uint32_t tick = atomic_load_relaxed(&p->tick) + (uint32_t)atomic_load_relaxed(&p->switches);
    if (m == NULL)
        return false;
    if (tick != p->seen_tick) {
        p->seen_tick = tick;
        p->seen_checks = 0;
        p->seen_since = round->now;
        return false;
    }
    int64_t age = round->now - p->seen_since;
    if (age >= SLICE_NS)
        atomic_store_relaxed(&m->yield, 1);
    if (!others_wait(p, round->now))
        return false;
    if (atomic_load_relaxed(&m->in_runtime) != 0)
        return false;
    if (age < SLICE_NS && !(age >= HANDOVER_NS && atomic_load_relaxed(&m->is_blocking)) && !is_asleep(p, m))
        return false;
    if (!take(p))
        return false;
    p->seen_since = round->now;
    p_hand_over(p);
    return true;
}

/* ---- rounds ---- */

static bool wake_for_waiting(const struct round *round)
{
    bool has_timer = false;
    for (uint32_t i = 0; i < sched.procs; i++) {
        struct p *p = &sched.p[i];
        if (atomic_load_relaxed(&p->timers.next) <= round->now) {
            atomic_store_relaxed(&p->has_due_timer, true);
            has_timer = true;
        }
    }
    bool wants_m = atomic_load_relaxed(&sched.wants_m);
    if (wants_m)
        atomic_store_relaxed(&sched.wants_m, 0);
    if (atomic_load_relaxed(&sched.idle_procs) == 0 || atomic_load_relaxed(&sched.spinning) != 0)
        return false;
    if (!has_timer && !wants_m && !find_has_work())
        return false;
    p_wake();
    return true;
}

static void sleep_until_needed(struct round *round)
{
    note_clear(&sched.sysmon);
    atomic_store_relaxed(&sched.sysmon_sleeps, 1);
    fence_heavy(); /* pairs with p_acquire */
    lock_acquire(&sched.lock);
    find_check_deadlock_locked(); /* a foreign thread that could have helped may have ended */
    lock_release(&sched.lock);
    if (atomic_load_relaxed(&sched.idle_procs) == sched.procs && !atomic_load_relaxed(&sched.wants_m))
        note_sleep(&sched.sysmon, INT64_MAX);
    atomic_store_relaxed(&sched.sysmon_sleeps, 0);
    *round = (struct round){ .delay = SHORTEST_NS, .objects_at = round->objects_at };
}

void sysmon_wake(void)
{
    if (atomic_swap_acq_rel(&sched.sysmon_sleeps, 0) != 0)
        note_wake(&sched.sysmon);
}

/* The next round is due sooner if a timer is. */
static void pause_round(struct round *round)
{
    int64_t earliest = timers_earliest();
    int64_t delay = round->delay;
    if (earliest != INT64_MAX && earliest - round->now < delay)
        delay = earliest - round->now > SHORTEST_NS ? earliest - round->now : SHORTEST_NS;
    os_sleep(delay);
}

static void sysmon_main(void *arg)
{
    (void)arg;
    struct round round = { .delay = SHORTEST_NS };
    os_thread_precise_timers();
    for (;;) {
        pause_round(&round);
        round.now = os_now();
        atomic_store_relaxed(&sched.coarse_now, round.now);
        bool did = false;
        for (uint32_t i = 0; i < sched.procs; i++)
            did |= watch(&sched.p[i], &round);
        did |= wake_for_waiting(&round);
        round.quiet = did ? 0 : round.quiet + 1;
        round.delay = round.quiet <= QUIET_ROUNDS ? SHORTEST_NS : round.delay * 2;
        if (round.delay > LONGEST_NS)
            round.delay = LONGEST_NS;
        if (round.now - round.objects_at >= OBJECTS_NS) {
            round.objects_at = round.now;
            object_refresh();
        }
        bool is_idle = atomic_load_relaxed(&sched.idle_procs) == sched.procs;
        round.idle = is_idle && round.delay == LONGEST_NS ? round.idle + 1 : 0;
        if (round.idle > IDLE_ROUNDS)
            sleep_until_needed(&round);
    }
}

void sysmon_start(void)
{
    if (sched.sysmon_started)
        return;
    if (os_thread_start(sysmon_main, NULL, NULL, STACK_BYTES) == 0)
        sched.sysmon_started = 1;
    else
        warn("the monitor thread could not be started: hogs keep their processors");
}
