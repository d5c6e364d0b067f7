/* SPDX-License-Identifier: MIT */
/*
 * p.c: who holds which processor, and when one more thread is woken.
 *
 * A p is idle (in sched.idle_p) or held by one m. An m in user code holds its p only in the sense that
 * nobody has taken it yet (park.h, sysmon.c).
 */
#include "sched/event.h"
#include "sched/netpoll.h"
#include "sched/park.h"
#include "sched/timer.h"

void p_acquire(struct m *m, struct p *p)
{
    check(m->p == NULL && p->m == NULL);
    atomic_store_relaxed(&m->p, p);
    fence_light();         /* pairs with make_special */
    m_pin(m, m->pinned_g); /* chaos or tracing may have come or gone */
    if (unlikely(m->is_special))
        trace_proc_start(m, p);
    atomic_store_release(&p->m, m); /* release: pairs with sysmon's loads: the m is whole */
    if (unlikely(atomic_load_relaxed(&sched.sysmon_sleeps)))
        sysmon_wake();
}

struct p *p_release(struct m *m)
{
    struct p *p = m->p;
    check(p != NULL && p->m == m);
    if (unlikely(m->is_special))
        trace_proc_stop(m, p);
    atomic_store_relaxed(&p->m, NULL);
    atomic_store_release(&m->p, NULL); /* release: pairs with thread_joins: what m did by plain stores is done */
    return p;
}

void p_idle_put_locked(struct p *p)
{
    check(!p->is_idle && p->m == NULL);
    p->is_idle = true;
    p->next_idle = sched.idle_p;
    sched.idle_p = p;
    atomic_store_relaxed(&sched.idle_procs, sched.idle_procs + 1);
}

struct p *p_idle_get_locked(void)
{
    struct p *p = sched.idle_p;
    if (p == NULL)
        return NULL;
    sched.idle_p = p->next_idle;
    p->is_idle = false;
    atomic_store_relaxed(&sched.idle_procs, sched.idle_procs - 1);
    return p;
}

struct p *p_take_idle(void)
{
    lock_acquire(&sched.lock);
    struct p *p = p_idle_get_locked();
    lock_release(&sched.lock);
    return p;
}

void p_hand_over(struct p *p)
{
    if (find_has_work() || atomic_load_relaxed(&p->timers.next) <= os_now()) {
        m_start(p, false);
        return;
    }
    lock_acquire(&sched.lock);
    bool wants_poller = netpoll_is_used() && sched.keeper == NULL && atomic_load_relaxed(&sched.wants_m) == 0;
    if (sched.global_count != 0 || netpoll_has_stash() || wants_poller) {
        lock_release(&sched.lock);
        m_start(p, false);
        return;
    }
    p_idle_put_locked(p);
    lock_release(&sched.lock);
    fence_heavy(); /* pairs with wake_others' fence_light: who has queued work since the first look saw no idle p */
    if (find_has_work())
        p_wake();
    keeper_wake(); /* p's timers are nobody's now: let the keeper see them */
}

/*
 * At most one m is woken at a time: it wakes the next when it has found work. The caller has queued
 * the work before (fence_light in between). If no p is to be had, whoever gives one up finds the work.
 */
void p_wake(void)
{
    uint32_t nobody = 0;
    if (atomic_load_relaxed(&sched.spinning) != 0 ||
        !atomic_cas_seq_cst(&sched.spinning, &nobody, 1))
        return;
    lock_acquire(&sched.lock);
    struct p *p = p_idle_get_locked();
    if (p == NULL) { /* under the lock: who gives one up from here on sees nobody spin */
        atomic_add_seq_cst(&sched.spinning, -1);
        lock_release(&sched.lock);
        return;
    }
    lock_release(&sched.lock);
    m_start(p, true);
}

bool p_skips_wakes(void)
{
    return atomic_load_relaxed(&sched.futile) > 1;
}

/*
 * Two goroutines that talk to each other make one another ready all the time, and never leave work
 * for a second processor: waking one costs microseconds each time, for nothing. So after wakes that were
 * futile (find.c) only each 2nd, 4th, ... 4096th occasion is taken; the first wake that was worth while
 * resets that, and sysmon wakes a processor for whatever has waited through one of its rounds.
 */
noinline void p_wake_for(struct m *m)
{
    uint32_t futile = atomic_load_relaxed(&sched.futile);
    struct p *p = m->p;
    if (p_skips_wakes() && ++p->wakes_skipped < UINT32_C(1) << (futile < 12 ? futile : 12))
        return;
    p->wakes_skipped = 0;
    p_wake();
}
