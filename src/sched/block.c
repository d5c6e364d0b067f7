/* SPDX-License-Identifier: MIT */
/*
 * block.c: what happens when a processor is gone, a slice is over, or a goroutine wants its thread.
 *
 * An m whose p was taken goes on with its goroutine's C code, without a p, until that next calls
 * rung. There it queues the goroutine and looks for a p like any idle m.
 */
#include <errno.h>

#include "sched/park.h"

/* On g0, without a p: the goroutine waits for a processor like any other that is runnable. */
static void *requeue_m(void *goroutine, void *machine)
{
    struct g *g = goroutine;
    struct m *m = machine;
    stop_running(m, g);
    atomic_store_relaxed(&g->status, G_RUNNABLE);
    /* A pinned one needs this very thread: others, if there are any, could only send it a processor. */
    struct p *p = m->pinned_g != NULL ? p_take_idle() : NULL;
    if (p != NULL) {
        p_acquire(m, p);
        return execute(m, g);
    }
    global_put(g);
    fence_light();
    p_wake();
    return schedule_without_p(m);
}

/* Waits for sysmon's decision, and gives back whether the p is gone. */
static bool was_taken(struct m *m)
{
    lock_acquire(&m->take);
    bool is_gone = m->taken && m->p == NULL;
    atomic_store_relaxed(&m->taken, 0);
    lock_release(&m->take);
    if (is_gone)
        atomic_add_relaxed(&sched.ms_without_p, -1);
    return is_gone;
}

cold noreturn void panic_forked(void)
{
    panic("called in the child of a fork: rung's threads are not there");
}

noinline struct m *enter_slow(struct m *m)
{
    if (sched.is_forked)
        return NULL;
    if (m->needs_fence)
        fence_seq_cst(); /* pairs with sysmon's fence_heavy */
    if (m->is_thread) {
        m_interrupt_init(m);
        scope_thread_look(m);
        return m;
    }
    if (atomic_load_relaxed(&m->has_news) && atomic_swap_acq_rel(&m->has_news, false)) /* pairs with tell_all_ms */
        m_pin(m, m->pinned_g); /* looks at special after that */
    if (atomic_load_relaxed(&m->taken) && was_taken(m)) {
        if (is_traced() || m->is_in_syscall)
            trace_taken_back(m, m_g(m));
        m = switch_to_g0(m, requeue_m);
    }
    if (atomic_load_relaxed(&m->yield)) {
        atomic_store_relaxed(&m->yield, 0);
        runq_end_slice(m->p);
        m->is_slice_over = true;
        m = depart(m, TO_YIELD);
    }
    return m;
}

void rung_yield(void)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    leave_m(depart(m, TO_YIELD));
}

void rung_blocking_begin(void)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    atomic_store_relaxed(&m->is_blocking, true);
    if (is_traced())
        trace_blocking_begin(m);
    leave_m(m);
}

void rung_blocking_end(void)
{
    struct m *m = machine_m();
    if (m != NULL)
        atomic_store_relaxed(&m->is_blocking, false);
    m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    if (unlikely(m->is_in_syscall))
        trace_blocking_end(m);
    leave_m(m);
}

void rung_pin(void)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    struct g *g = m_g(m);
    if (!g->is_thread && g->pins++ == 0) {
        g->pinned = m;
        g->is_pinned = true;
        m_pin(m, g);
    }
    leave_m(m);
}

void rung_unpin(void)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    struct g *g = m_g(m);
    if (!g->is_thread) {
        if (g->pins == 0)
            panic("rung_unpin without rung_pin");
        if (--g->pins == 0) {
            g->pinned = NULL;
            g->is_pinned = false;
            m_pin(m, NULL);
        }
    }
    leave_m(m);
}
