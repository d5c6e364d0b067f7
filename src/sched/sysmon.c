/* SPDX-License-Identifier: MIT */
/*
 * sysmon.c: the watcher: a thread without a p that keeps the others honest.
 *
 * Each round (20 us apart while something happens, up to 10 ms apart else, 0.5 ms while p_wake_for skips wakes) it looks at
 * every held p.
 * A turn of 10 ms, by one goroutine or by some that inherit it from each other: asked to yield at its next call.
 * A p that has not switched since the last round is in user code for that long:
 *   its goroutine said rung_blocking, or its thread sleeps in the kernel: taken, if work waits
 *   10 ms: taken, if work waits
 * Taking is the hand-shake of park.h. The goroutine's thread goes on without a p.
 *
 * It asks epoll where nobody else does (netpoll.h). It also wakes a processor for work that has waited through a round
 * (p_wake_for may have skipped it), for due timers on busy processors that do not look at the clock often enough by
 * themselves, and tries again where a thread could not be started. While every p
 * idles it sleeps, first in steps of 10 ms, then until a p is acquired, or a timer that has no keeper is due, or
 * stacks may have to be trimmed (trim.c).
 */
#include <errno.h>

#include "machine/object.h"
#include "sched/netpoll.h"
#include "sched/park.h"

enum { STACK_BYTES = 256 * 1024, NAPS = 2500 /* not a time: the machine may stand still */ };
#define SHORTEST_NS   INT64_C(20000)
#define LONGEST_NS    INT64_C(10000000)
#define QUIET_ROUNDS  50
#define IDLE_ROUNDS   10
#define OBJECTS_NS    INT64_C(1000000000)
#define NAP_NS        INT64_C(200000)
#define WATCHED_NS    INT64_C(1000000) /* the most between two rounds while a timer waits for one who looks by himself */
#define SKIPPED_NS    INT64_C(500000)  /* the same while p_wake_for skips: what is forked is to wait no longer */
#define THREADS_NS    INT64_C(1000000) /* between two attempts to start a thread where none was to be had */

struct round {
    int64_t now, before; /* this one's time, and the last one's */
    int64_t delay;
    uint32_t quiet; /* rounds in a row without anything to do */
    uint32_t idle;  /* rounds in a row with all processors idle */
    int64_t objects_at;
    int64_t threads_at;
};

/* ---- taking ---- */

bool sysmon_take(struct p *p)
{
    struct m *m = atomic_load_acquire(&p->m); /* acquire: pairs with p_acquire */
    if (m == NULL)
        return false;
    lock_acquire(&m->take);
    atomic_store_relaxed(&m->taken, 1);
    fence_heavy(); /* pairs with enter */
    bool is_mine = atomic_load_acquire(&m->in_runtime) == 0 && /* acquire: pairs with leave */
                   atomic_load_relaxed(&m->p) == p;
    if (is_mine) {
        if (is_traced())
            trace_taken(m, p);
        atomic_store_release(&m->p, NULL); /* release: pairs with thread_joins */
        atomic_store_relaxed(&p->m, NULL);
        trace_taken_end();
        atomic_add_relaxed(&sched.ms_without_p, 1);
        atomic_add_relaxed(&sched.hand_overs, 1);
    } else {
        atomic_store_relaxed(&m->taken, 0);
    }
    lock_release(&m->take);
    return is_mine;
}

/* Work that p's goroutine keeps waiting: its own queue, the global one, due timers, events. */
static bool others_wait(struct p *p, int64_t now)
{
    return !runq_is_empty(p) || atomic_load_relaxed(&sched.global_count) != 0 ||
           atomic_load_relaxed(&p->timers.next) <= now || netpoll_has_stash();
}

/* Asks less and less often: each answer costs a system call. */
static bool is_asleep(struct p *p, struct m *m)
{
    uint32_t checks = ++p->seen_checks;
    if (checks > 4 && (checks & (checks - 1)) != 0)
        return false;
    return m->state_fd >= 0 && os_thread_is_asleep(m->state_fd) == 1;
}

/* Whether p, by its turns since the last round, looks at the clock more often than sysmon could tell it to. */
static bool looks_often(struct p *p, uint32_t turns, const struct round *round)
{
    return turns * SHORTEST_NS >= atomic_load_relaxed(&p->look_every) * (round->now - round->before);
}

/* Whether sysmon did something. */
static bool watch(struct p *p, const struct round *round)
{
    struct m *m = atomic_load_acquire(&p->m); /* acquire: pairs with p_acquire */
    uint32_t turns_left = atomic_load_relaxed(&p->turns_left), switches = (uint32_t)atomic_load_relaxed(&p->switches);
    if (turns_left != p->seen_turns_left) {
        p->seen_turns_left = turns_left;
        p->slice_since = round->now;
    }
    p->looks_often = m != NULL && looks_often(p, switches - p->seen_switches, round);
    if (m == NULL)
        return false;
    if (round->now - p->slice_since >= SLICE_NS)
        atomic_store_relaxed(&m->yield, 1);
    if (switches != p->seen_switches) {
        p->seen_switches = switches;
        p->seen_checks = 0;
        p->seen_since = round->now;
        return false;
    }
    int64_t age = round->now - p->seen_since;
    if (!others_wait(p, round->now))
        return false;
    if (atomic_load_relaxed(&m->in_runtime) != 0)
        return false;
    if (age < SLICE_NS && !(age >= HANDOVER_NS && atomic_load_relaxed(&m->is_blocking)) && !is_asleep(p, m))
        return false;
    if (!sysmon_take(p))
        return false;
    p->seen_since = round->now;
    p_hand_over(p);
    return true;
}

/* ---- rounds ---- */

/* Whether something waits that another processor could take: p's next is left to it while it departs in each round. */
static bool has_waiting(const struct round *round)
{
    if (atomic_load_relaxed(&sched.global_count) != 0 || netpoll_has_stash())
        return true;
    for (uint32_t i = 0; i < atomic_load_relaxed(&sched.procs); i++) {
        struct p *p = &sched.p[i];
        if (p->seen_since == round->now ? runq_has_more(p) : !runq_is_empty(p))
            return true;
    }
    return false;
}

static bool wake_for_waiting(struct round *round)
{
    bool has_timer = false;
    for (uint32_t i = 0; i < atomic_load_relaxed(&sched.procs); i++) {
        struct p *p = &sched.p[i];
        if (atomic_load_relaxed(&p->timers.next) <= round->now) {
            if (!p->looks_often)
                atomic_store_relaxed(&p->has_due_timer, true);
            has_timer = true;
        }
    }
    if (atomic_load_relaxed(&sched.idle_procs) == 0 || atomic_load_relaxed(&sched.spinning) != 0)
        return false;
    if (!has_timer && !has_waiting(round))
        return false;
    if (atomic_load_relaxed(&sched.wants_m) && round->now >= round->threads_at) {
        atomic_store_relaxed(&sched.wants_m, 0); /* the wake below may try to start one */
        round->threads_at = round->now + THREADS_NS;
    }
    p_wake();
    return !atomic_load_relaxed(&sched.wants_m);
}

static bool is_all_idle(void)
{
    return atomic_load_relaxed(&sched.idle_procs) == atomic_load_relaxed(&sched.procs);
}

/*
 * How long sysmon may sleep while all processors idle: until one is acquired. The timers are the keeper's; but with
 * no m among the idle (each sleeps with a pinned goroutine) there is no keeper. Trimming is sysmon's.
 */
static int64_t idle_until(int64_t now)
{
    if (!is_all_idle() || find_has_work())
        return 0;
    lock_acquire(&sched.lock);
    bool has_keeper = sched.keeper != NULL; /* it stays until some m acquires a p, which wakes sysmon */
    lock_release(&sched.lock);
    int64_t trim = trim_due(now);
    int64_t timers = has_keeper ? INT64_MAX : timers_earliest();
    if (!has_keeper && netpoll_is_used() && timers > now + LONGEST_NS)
        timers = now + LONGEST_NS;
    return trim < timers ? trim : timers;
}

static void sleep_until_needed(struct round *round)
{
    note_clear(&sched.sysmon);
    atomic_store_relaxed(&sched.sysmon_sleeps, 1);
    fence_heavy(); /* pairs with p_acquire, and with tell_keeper */
    lock_acquire(&sched.lock);
    find_check_deadlock_locked(); /* a foreign thread that could have helped may have ended */
    lock_release(&sched.lock);
    note_sleep(&sched.sysmon, idle_until(round->now));
    atomic_store_relaxed(&sched.sysmon_sleeps, 0);
    *round = (struct round){ .delay = SHORTEST_NS, .objects_at = round->objects_at };
}

void sysmon_wake(void)
{
    if (atomic_load_relaxed(&sched.sysmon_sleeps) != 0 && atomic_swap_acq_rel(&sched.sysmon_sleeps, 0) != 0)
        note_wake(&sched.sysmon);
}

bool sysmon_look_for_objects(void)
{
    uint32_t wanted = atomic_add_seq_cst(&sched.objects_wanted, 1) + 1; /* pairs with look_for_objects */
    for (int i = 0; i < NAPS && atomic_load_relaxed(&sched.sysmon_started); i++) {
        if ((int32_t)(atomic_load_acquire(&sched.objects_known) - wanted) >= 0) /* acquire: pairs with look_for_objects */
            return true;
        sysmon_wake();
        os_sleep(NAP_NS);
    }
    return false;
}

static void look_for_objects(struct round *round)
{
    uint32_t wanted = atomic_load_acquire(&sched.objects_wanted); /* acquire: pairs with sysmon_look_for_objects */
    if (wanted == atomic_load_relaxed(&sched.objects_known) && round->now - round->objects_at < OBJECTS_NS)
        return;
    round->objects_at = round->now;
    object_refresh();
    atomic_store_release(&sched.objects_known, wanted); /* release: pairs with sysmon_look_for_objects */
}

/* The next round is due sooner if a timer is. */
static void pause_round(const struct round *round)
{
    int64_t delay = round->delay;
    if (delay > SKIPPED_NS && p_skips_wakes() && !is_all_idle())
        delay = SKIPPED_NS;
    for (uint32_t i = 0; i < atomic_load_relaxed(&sched.procs); i++) {
        const struct p *p = &sched.p[i];
        int64_t next = atomic_load_relaxed(&p->timers.next), least = p->looks_often ? WATCHED_NS : SHORTEST_NS;
        int64_t wait = next - round->now > least ? next - round->now : least;
        if (next != INT64_MAX && wait < delay)
            delay = wait;
    }
    os_sleep(delay);
}

static void sysmon_main(void *arg)
{
    (void)arg;
    struct round round = { .delay = SHORTEST_NS };
    os_thread_precise_timers();
    for (;;) {
        pause_round(&round);
        round.before = round.now;
        round.now = os_now();
        atomic_store_relaxed(&sched.coarse_now, round.now);
        bool did = false;
        netpoll_round(round.now);
        for (uint32_t i = 0; i < atomic_load_relaxed(&sched.procs); i++)
            did |= watch(&sched.p[i], &round);
        did |= trim_round(round.now); /* before the next: work may have wanted the p that this had */
        did |= wake_for_waiting(&round);
        round.quiet = did ? 0 : round.quiet + 1;
        round.delay = round.quiet <= QUIET_ROUNDS ? SHORTEST_NS : round.delay * 2;
        if (round.delay > LONGEST_NS)
            round.delay = LONGEST_NS;
        look_for_objects(&round);
        round.idle = is_all_idle() && round.delay == LONGEST_NS ? round.idle + 1 : 0;
        if (round.idle > IDLE_ROUNDS)
            sleep_until_needed(&round);
    }
}

int sysmon_start(void)
{
    if (sched.sysmon_started)
        return 0;
    int error = os_thread_start(sysmon_main, NULL, NULL, STACK_BYTES);
    atomic_store_relaxed(&sched.sysmon_started, error == 0);
    return error;
}
