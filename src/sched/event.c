/* SPDX-License-Identifier: MIT */
/*
 * event.c: recording: what every goroutine and processor does, in Go's trace format v2, as it happens.
 *
 * Each m writes into a buffer of its own, in the format's own bytes; nothing is shared but the memory that buffers come
 * from and one table of stacks. No lock, no malloc, no waiting: where no buffer is to be had the event is lost, and its
 * generation is marked as not whole.
 *
 * Generations. A trace is a sequence of generations, each of which can be read by itself. Who ends one must know that
 * nobody will write into it any more, and what is the state of those who were silent in it:
 *   section (m):  1. section = trace.generation   2. fence_light   3. if it has changed: again
 *                 4. write   5. make the change visible   6. the next section's, or leave, or sleep; sysmon, samples: section = 0
 *   turn (control):
 *     a. list, for each m in user code that was silent, what it runs, in its own stream (it is kept out by m->take, as
 *        by sysmon); an m inside the runtime is about to write or to leave: look again
 *     b. note down who else has not been named in the generation, with stack
 *     c. trace.generation = next, fence_heavy, and wait until each section is another, or its m outside the runtime or asleep
 *     d. of those noted down, list who has not been named after all: it has not changed since b
 *     e. take the buffers
 * From 3 follows: either the section is seen by c, or it has the next number. From 4 before 5: whoever acts upon a
 * change reads a generation that is not older than the one in which the change was written; a section that acts upon several
 * (trace_ready_one) begins anew where that has become another. From 5 before 6: what is
 * silent through a whole generation is at b in the state that the last one told of: no thread, however long it was off its
 * CPU, has a change yet to make that was told before. So an end of step 6 is needed that comes by itself: whoever is in the
 * runtime gets to another section, out, or to sleep before long. A section's word may outlast its end (who has left or
 * sleeps keeps it), and be compared with anew; therefore these two are asked for first of all, never the word alone.
 *
 * Naming. g->trace and p->trace tell in which of the last two generations it was named; who writes an event first names,
 * by their state before it, its own p and g and the one that the event is about. Both belong to it at that moment. All that
 * are alive are named in each generation. One that was never named is new: it was made where there was no p (by a plain
 * thread), and who runs it first writes its creation.
 *
 * Order. Each g and p has a sequence number, begun anew as it is named, drawn while it is owned: a reader needs no clocks.
 *
 * Beginning (event_begin). With sched.special everything takes the slower ways, but for locks and claims: solo mode
 * stays. Once each m, those of plain threads too, has been seen outside the runtime or asleep after that, no change of state can
 * go by untold. Then the first generation begins, and who found that there was none (NOTHING) is waited for. An m in user code is
 * told at its next entry (m->has_news), one that wakes looks at special as it gets a p.
 *
 * A hog's p is taken: sysmon, under m->take, begins a system call in the hog's stream, and takes the p in its own. The hog's
 * next entry ends that call as one that was blocked.
 *
 * Rejected: a world stopped for each turn (Go before 1.22); per-p buffers (an m without a p tells, too); events without
 * names of states, put right by a reader (it would have to see all from the start: no flight recorder).
 */
#include "sched/tracer.h"

const char *const trace_fixed_strings[TRACE_FIXED_STRINGS] = {
    [WAIT_NONE] = "sync",
    [WAIT_CHAN_SEND] = "chan send",
    [WAIT_CHAN_RECEIVE] = "chan receive",
    [WAIT_SELECT] = "select",
    [WAIT_SLEEP] = "sleep",
    [WAIT_SYNC] = "sync",
    [WAIT_COND] = "sync.(*Cond).Wait",
    [WAIT_FOREVER] = "forever",
    [WAIT_IO] = "network",
    [FIXED_GOSCHED] = "runtime.Gosched",
    [FIXED_PREEMPTED] = "preempted",
    [FIXED_NO_ROOM] = "(no room for this text)",
};

struct tracing tracing = { .sysmon = { .is_registered = true } };

/* ---- tracers ---- */

uint64_t event_now(void)
{
    return ticks(os_now());
}

void tracer_register(struct tracer *tracer, struct m *m)
{
    struct tracer *first = atomic_load_relaxed(&tracing.tracers);
    tracer->is_registered = true;
    tracer->m = m;
    do
        tracer->next = first;
    while (!atomic_cas_seq_cst(&tracing.tracers, &first, tracer)); /* pairs with wait_past */
}

void trace_register(struct m *m)
{
    m->tracer.thread = (uint64_t)m->tid;
    if (!m->tracer.is_registered)
        tracer_register(&m->tracer, m);
}

/* ---- naming ---- */

void name_p(struct tracer *tracer, uint32_t generation, struct p *p, int state)
{
    if (is_named(&p->trace, generation))
        return;
    set_named(&p->trace, generation);
    emit(tracer, generation, EV_PROC_STATUS, 2, p->number, (uint64_t)state, 0, 0);
}

void name_g(struct tracer *tracer, uint32_t generation, struct g *g, uint64_t thread, int state)
{
    if (is_named(&g->trace, generation))
        return;
    set_g_named(g, generation);
    emit(tracer, generation, EV_GO_STATUS, 3, g->id, thread, (uint64_t)state, 0);
}

/* Whether m runs its goroutine, or else is on its way to another. */
static always_inline bool runs(const struct m *m, const struct g *g)
{
    return atomic_load_relaxed(&g->m) == m && !g->is_thread;
}

static noinline void name_own_slow(struct m *m, uint32_t generation)
{
    struct tracer *tracer = &m->tracer;
    struct g *g = m_g(m);
    bool is_running = g != NULL && runs(m, g);
    if (m->p != NULL)
        name_p(tracer, generation, m->p, m->is_in_syscall ? PROC_SYSCALL : PROC_RUNNING);
    if (is_running)
        name_g(tracer, generation, g, tracer->thread, m->is_in_syscall ? GO_SYSCALL : GO_RUNNING);
    if (m->is_in_syscall) { /* it calls rung, and so it is over */
        m->is_in_syscall = false;
        emit(tracer, generation, EV_SYSCALL_END, 0, 0, 0, 0, 0);
    }
    uint32_t before = atomic_load_relaxed(&tracing.procs_generation);
    if (m->p != NULL && is_running && before != generation &&
        atomic_cas_acq_rel(&tracing.procs_generation, &before, generation)) /* once: nothing else hangs on it */
        emit(tracer, generation, EV_PROCS, 2, sched.procs, 0, 0, 0);
}

static always_inline uint32_t open_bare(struct m *m)
{
    struct tracer *tracer = &m->tracer;
    (void)atomic_load_acquire(&tracer->proxied); /* acquire: pairs with name_held */
    if (unlikely(!tracer->is_registered))
        trace_register(m);
    uint32_t generation = section_open(tracer);
    if (likely(generation != 0))
        set_now(tracer, ticks(clock_now(&m->clock)));
    return generation;
}

/* A section in which m's own p and g are named. */
static always_inline uint32_t open_section(struct m *m)
{
    uint32_t generation = open_bare(m);
    struct g *g = m_g(m);
    if (likely(generation != 0) &&
        unlikely((m->p != NULL && !is_named(&m->p->trace, generation)) ||
                 (g != NULL && runs(m, g) && !is_named(&g->trace, generation)) || m->is_in_syscall))
        name_own_slow(m, generation);
    return generation;
}

/* ---- goroutines ---- */

static uintptr_t start_of(const struct g *g)
{
    return g == atomic_load_relaxed(&sched.main) ? g->created_at : (uintptr_t)g->fn; /* rung_run's caller's */
}

static void tell_create(struct tracer *tracer, uint32_t generation, struct g *g, uint32_t stack)
{
    set_g_named(g, generation);
    emit(tracer, generation, EV_GO_CREATE, 3, g->id, stack_of_function(tracer, generation, start_of(g)), stack, 0);
}

/* Who is new was made where there was no p. */
static noinline void name_runnable(struct tracer *tracer, uint32_t generation, struct g *g)
{
    if (!is_new(g))
        name_g(tracer, generation, g, NO_THREAD, GO_RUNNABLE);
    else
        tell_create(tracer, generation, g, stack_of(tracer, generation, &g->created_at, 1));
}

/* It is named, or new, before its start is told of. */
static always_inline void name_next(struct tracer *tracer, uint32_t generation, struct g *g)
{
    if (unlikely(!is_named(&g->trace, generation)) || unlikely(is_new(g)))
        name_runnable(tracer, generation, g);
}

static always_inline void tell_start(struct tracer *tracer, uint32_t generation, struct g *g)
{
    name_next(tracer, generation, g);
    emit(tracer, generation, EV_GO_START, 2, g->id, next_number(g), 0, 0);
}

/* Of two goroutines that may not have run for long: their marks, and where the stack of the one begins. */
static always_inline void prefetch_departure(struct m *m, const struct g *next)
{
    const char *g = (const char *)m_g(m);
    __builtin_prefetch(g - CACHE_LINE);
    __builtin_prefetch(g - 2 * CACHE_LINE);
    if (next != NULL) {
        __builtin_prefetch(&next->trace, 1);
        __builtin_prefetch(&next->id);
    }
}

noinline void trace_depart(struct m *m, enum departure why, struct g *next)
{
    prefetch_departure(m, next);
    uint32_t generation = open_section(m);
    struct tracer *tracer = &m->tracer;
    bool is_slice_over = m->is_slice_over;
    m->is_slice_over = false;
    if (unlikely(generation == 0))
        return;
    uint32_t stack = likely(why != TO_END) ? STACK(m, generation) : 0;
    if (likely(next != NULL))
        name_next(tracer, generation, next);
    struct trace_buffer *buffer = event_room(tracer, generation);
    if (unlikely(buffer == NULL))
        return;
    uint64_t later = tracer->now - buffer->last;
    uint8_t *at = buffer->bytes + buffer->used;
    if (why == TO_END)
        at = event_put(at, EV_GO_DESTROY, later, 0, 0, 0, 0, 0);
    else if (why == TO_YIELD)
        at = event_put(at, EV_GO_STOP, later, 2, is_slice_over ? FIXED_PREEMPTED : FIXED_GOSCHED, stack, 0, 0);
    else
        at = event_put(at, EV_GO_BLOCK, later, 2, m->park_reason, stack, 0, 0);
    if (likely(next != NULL))
        at = event_put(at, EV_GO_START, 0, 2, next->id, next_number(next), 0, 0);
    event_end_at(tracer, buffer, at);
}

noinline void trace_start(struct m *m, struct g *g)
{
    uint32_t generation = open_section(m);
    if (generation != 0)
        tell_start(&m->tracer, generation, g);
}

static always_inline void tell_unblock(struct tracer *tracer, uint32_t generation, struct g *g, uint32_t stack)
{
    if (unlikely(!is_named(&g->trace, generation)))
        name_g(tracer, generation, g, NO_THREAD, GO_WAITING);
    emit(tracer, generation, EV_GO_UNBLOCK, 3, g->id, next_number(g), stack, 0);
}

noinline void trace_ready(struct m *m, struct g *g)
{
    if (g->is_thread)
        return;
    uint32_t generation = open_section(m);
    if (generation != 0)
        tell_unblock(&m->tracer, generation, g, STACK(m, generation));
}

noinline uint32_t trace_ready_begin(struct m *m)
{
    return open_section(m);
}

noinline void trace_ready_one(struct m *m, uint32_t generation, struct g *g)
{
    if (MUTANT(SECTION_OLD))
        os_sleep(RUNG_MILLISECONDS(1));
    else if (unlikely(generation != atomic_load_acquire(&tracing.generation))) /* acquire: pairs with event_turn */
        generation = open_section(m);
    if (likely(generation != 0))
        tell_unblock(&m->tracer, generation, g, 0);
}

noinline void trace_create(struct m *m, struct g *g, bool runs_first)
{
    uint32_t generation = open_section(m);
    if (generation == 0) { /* it is there when the trace begins */
        set_g_known(g, atomic_load_relaxed(&tracing.marked));
        return;
    }
    if (m->p == NULL) /* it is new until it runs */
        return;
    struct tracer *tracer = &m->tracer;
    uint32_t stack = STACK(m, generation);
    tell_create(tracer, generation, g, stack);
    if (runs_first) {
        emit(tracer, generation, EV_GO_STOP, 2, FIXED_PREEMPTED, stack, 0, 0);
        tell_start(tracer, generation, g);
    }
}

/* ---- processors ---- */

void trace_proc_start(struct m *m, struct p *p)
{
    uint32_t generation = open_bare(m);
    if (generation == 0)
        return;
    name_p(&m->tracer, generation, p, PROC_IDLE);
    emit(&m->tracer, generation, EV_PROC_START, 2, p->number, ++p->trace.sequence, 0, 0);
    if (MUTANT(SECTION_SHORT)) {
        section_close(&m->tracer);
        os_sleep(RUNG_MILLISECONDS(2));
    }
}

void trace_proc_stop(struct m *m, struct p *p)
{
    uint32_t generation = open_bare(m);
    if (generation == 0)
        return;
    name_p(&m->tracer, generation, p, PROC_RUNNING);
    emit(&m->tracer, generation, EV_PROC_STOP, 0, 0, 0, 0, 0);
}

/* Names what an m has that is in user code, and kept there; on its behalf. */
void name_outside(struct m *m, struct p *p, uint32_t generation, uint64_t now)
{
    struct tracer *tracer = &m->tracer;
    trace_register(m);
    set_now(tracer, now);
    name_p(tracer, generation, p, m->is_in_syscall ? PROC_SYSCALL : PROC_RUNNING);
    name_g(tracer, generation, m_g(m), tracer->thread, m->is_in_syscall ? GO_SYSCALL : GO_RUNNING);
}

void trace_taken(struct m *m, struct p *p)
{
    struct tracer *own = &tracing.sysmon;
    if (own->m == NULL && own->thread == 0) {
        tracer_register(own, NULL);
        own->thread = (uint64_t)os_thread_id();
    }
    const uintptr_t *pcs = NULL;
    size_t depth = m->is_in_syscall ? 0 : sample_ask(m, &pcs);
    uint32_t generation = section_open(own);
    if (generation != 0) {
        set_now(own, event_now());
        name_outside(m, p, generation, own->now);
        if (!m->is_in_syscall)
            emit(&m->tracer, generation, EV_SYSCALL_BEGIN, 2, ++p->trace.sequence, stack_of(own, generation, pcs, depth), 0,
                 0);
        m->is_in_syscall = true;
        set_now(own, m->tracer.now + 1); /* of what bears the same time Go's reader may try the steal alone, and give up */
        emit(own, generation, EV_PROC_STEAL, 3, p->number, ++p->trace.sequence, m->tracer.thread, 0);
    }
}

void trace_taken_end(void)
{
    section_close(&tracing.sysmon);
}

void trace_taken_back(struct m *m, struct g *g)
{
    uint32_t generation = open_bare(m);
    m->is_in_syscall = false;
    if (generation == 0)
        return;
    name_g(&m->tracer, generation, g, m->tracer.thread, GO_SYSCALL);
    emit(&m->tracer, generation, EV_SYSCALL_END_BLOCKED, 0, 0, 0, 0, 0);
}

noinline void trace_blocking_begin(struct m *m)
{
    if (m->is_thread)
        return;
    uint32_t generation = open_section(m);
    if (generation == 0)
        return;
    emit(&m->tracer, generation, EV_SYSCALL_BEGIN, 2, ++m->p->trace.sequence, STACK(m, generation), 0, 0);
    m->is_in_syscall = true;
}

void trace_blocking_end(struct m *m)
{
    if (open_section(m) == 0)
        m->is_in_syscall = false;
}

/* ---- annotations ---- */

void trace_user(struct m *m, enum trace_user_event what, uint64_t a, uint64_t b, const char *first, const char *second)
{
    static const enum event_type types[] = {
        [TRACE_LABEL] = EV_GO_LABEL,          [TRACE_TASK_BEGIN] = EV_TASK_BEGIN,     [TRACE_TASK_END] = EV_TASK_END,
        [TRACE_REGION_BEGIN] = EV_REGION_BEGIN, [TRACE_REGION_END] = EV_REGION_END, [TRACE_LOG] = EV_LOG,
    };
    uint32_t generation = open_section(m);
    struct tracer *tracer = &m->tracer;
    if (generation == 0)
        return;
    bool is_region = what == TRACE_REGION_BEGIN || what == TRACE_REGION_END; /* a reader gives up where their names differ */
    uint32_t one = first != NULL ? string_of(tracer, generation, first, is_region) : 0;
    uint32_t two = second != NULL ? string_of(tracer, generation, second, false) : 0;
    uint32_t stack = what != TRACE_LABEL ? STACK(m, generation) : 0;
    switch (what) {
    case TRACE_LABEL: emit(tracer, generation, types[what], 1, one, 0, 0, 0); break;
    case TRACE_TASK_BEGIN: emit(tracer, generation, types[what], 4, a, b, one, stack); break;
    case TRACE_TASK_END: emit(tracer, generation, types[what], 2, a, stack, 0, 0); break;
    case TRACE_LOG: emit(tracer, generation, types[what], 4, a, one, two, stack); break;
    default: emit(tracer, generation, types[what], 3, a, one, stack, 0);
    }
}
