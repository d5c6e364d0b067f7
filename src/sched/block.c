/* SPDX-License-Identifier: MIT */
/*
 * block.c: what happens when a processor is gone, a slice is over, or a goroutine wants its thread.
 *
 * An m whose p was taken goes on with its goroutine's C code, without a p, until that next calls
 * rung. There it queues the goroutine and looks for a p like any idle m.
 */
#include <errno.h>

#include "sched/find.h"

/* On g0, without a p: the goroutine waits for a processor like any other that is runnable. */
static void requeue_m(void *goroutine, void *machine)
{
    struct g *g = goroutine;
    struct m *m = machine;
    stop_running(m, g);
    atomic_store_relaxed(&g->status, G_RUNNABLE);
    global_put(g);
    fence_light();
    p_wake();
    schedule_without_p(m);
}

/* Waits for sysmon's decision, and gives back whether the p is gone. */
static bool was_taken(struct m *m)
{
    lock_acquire(&m->take);
    bool is_gone = m->taken && m->p == NULL;
    m->taken = 0;
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
    if (m->is_thread) {
        m->interrupt = 0;
        return m;
    }
    if (m->taken && was_taken(m)) {
        switch_to_g0(m, requeue_m);
        m = machine_m();
    }
    if (m->yield) {
        m->yield = 0;
        switch_to_g0(m, yield_m);
        m = machine_m();
    }
    return m;
}

void rung_yield(void)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    if (unlikely(m->is_thread)) {
        leave_m(m);
        os_thread_yield();
        return;
    }
    switch_to_g0(m, yield_m);
    leave();
}

void rung_blocking_begin(void)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    atomic_store_relaxed(&m->is_blocking, true);
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
        m->pinned_g = g;
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
            m->pinned_g = NULL;
        }
    }
    leave_m(m);
}
