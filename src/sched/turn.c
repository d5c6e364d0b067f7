/* SPDX-License-Identifier: MIT */
/*
 * turn.c: how a trace begins, and how one generation ends while the next is written: the control's side of the protocol that
 * event.c tells. Called on the trace's thread only.
 */
#include "sched/park.h"
#include "sched/tracer.h"

/* ---- beginning ---- */

/* Outside the runtime, or asleep in it: whatever m told of is done, and it looks anew before it tells of anything else. */
static bool is_away(const struct m *m)
{
    return atomic_load_acquire(&m->in_runtime) == 0 || /* acquire: pairs with leave */
           atomic_load_acquire(&m->is_asleep);         /* acquire: pairs with trace_sleep_begin */
}

/* Until the tracer is in no section of that generation; step c. */
static void wait_past(const struct tracer *tracer, uint32_t generation)
{
    for (uint32_t i = 0; atomic_load_acquire(&tracer->generation) == generation && /* acquire: pairs with sections */
                         !(tracer->m != NULL && is_away(tracer->m)) && !MUTANT(TURN_UNWAITED); i++)
        os_thread_wait(i);
}

/* A sysmon that has not seen special is done with what it was taking. */
static void wait_for_sysmon(void)
{
    for (struct m *m = atomic_load_acquire(&sched.all_ms); m != NULL; m = m->next_all) {
        lock_acquire(&m->take);
        lock_release(&m->take);
    }
}

/* Until m has been away since the last fence_heavy. */
static void wait_for_m(const struct m *m)
{
    for (uint32_t i = 0; !is_away(m) && !MUTANT(BEGIN_UNWAITED); i++)
        os_thread_wait(i);
}

static void wait_for_ms(void)
{
    for (struct m *m = atomic_load_acquire(&sched.all_ms); m != NULL; m = m->next_all)
        wait_for_m(m);
    for (struct tracer *tracer = atomic_load_acquire(&tracing.tracers); tracer != NULL; tracer = tracer->next)
        if (tracer->m != NULL && tracer->m->is_thread)
            wait_for_m(tracer->m);
}

/* Each m is to look at sched.special, at its next entry, or when it gets a p. */
static void tell_all_ms(void)
{
    m_start_barrier();
    for (struct m *m = atomic_load_acquire(&sched.all_ms); m != NULL; m = m->next_all)
        atomic_store_release(&m->has_news, true); /* release: pairs with enter_slow */
}

static void make_special(void)
{
    atomic_or_seq_cst(&sched.special, SPECIAL_TRACE);
    fence_heavy(); /* pairs with p_acquire */
    tell_all_ms();
    fence_heavy(); /* pairs with enter */
    wait_for_sysmon();
    wait_for_ms();
}

/* One that ends meanwhile may be another's by now, which has marked itself: then that one is told of as it starts. */
__attribute__((__no_sanitize__("thread"))) static void mark_all_alive(void)
{
    uint64_t cursor = 0;
    struct g *g;
    while ((g = g_next(&cursor)) != NULL) {
        uint32_t status = atomic_load_acquire(&g->status);
        if (status == G_RUNNABLE || status == G_RUNNING || status == G_WAITING)
            set_g_known(g, tracing.marked);
    }
}

void event_begin(uint32_t generation)
{
    atomic_store_relaxed(&tracing.marked, generation - 1);
    atomic_store_relaxed(&tracing.begun, (uint16_t)(tracing.begun + 1));
    make_special();
    mark_all_alive();
    table_clear(generation);
    atomic_store_release(&tracing.generation, generation);
    fence_heavy(); /* pairs with section_open */
    for (struct tracer *tracer = atomic_load_acquire(&tracing.tracers); tracer != NULL; tracer = tracer->next)
        wait_past(tracer, NOTHING); /* from here on all that happens is told of */
}

void event_end(void)
{
    atomic_and_seq_cst(&sched.special, ~(uint32_t)SPECIAL_TRACE);
    fence_heavy(); /* pairs with p_acquire */
    tell_all_ms();
}

/* ---- turning ---- */

/* Step a, of one p: false if its m is in the runtime, and has yet to write or to leave. */
static bool name_held(struct p *p, uint32_t generation)
{
    struct m *m = atomic_load_acquire(&p->m); /* acquire: pairs with p_acquire */
    if (is_named(&p->trace, generation) || m == NULL || MUTANT(HOG_UNNAMED))
        return true;
    lock_acquire(&m->take);
    bool is_done = false;
    if (!atomic_load_relaxed(&m->taken)) {
        atomic_store_relaxed(&m->taken, 1);
        fence_heavy(); /* pairs with enter */
        is_done = atomic_load_acquire(&m->in_runtime) == 0 && /* acquire: pairs with leave */
                  atomic_load_relaxed(&m->p) == p;
        if (is_done) {
            name_outside(m, p, generation, event_now());
            atomic_store_release(&m->tracer.proxied, m->tracer.proxied + 1); /* release: pairs with open_bare */
            fence_heavy(); /* if it enters now it sees all that was written for it */
        }
        atomic_store_relaxed(&m->taken, 0);
    }
    lock_release(&m->take);
    return is_done;
}

static void name_all_held(uint32_t generation)
{
    for (uint32_t i = 0; i < sched.procs; i++)
        for (uint32_t tries = 0; !name_held(&sched.p[i], generation); tries++)
            os_thread_wait(tries);
}

struct silent {
    struct g *g;
    uint64_t id, thread;
    uint32_t stack;
    int state;
};

enum { SILENT_BYTES = 1 << 16 };

/* Who is silent, as of step b; a list of pieces, the last one first. */
struct silents {
    struct silents *next;
    size_t count;
    struct silent of[(SILENT_BYTES - 2 * sizeof(void *)) / sizeof(struct silent)];
};

static struct silent *silent_add(struct silents **list)
{
    struct silents *first = *list;
    if (first == NULL || first->count == array_length(first->of)) {
        struct silents *made = os_reserve(SILENT_BYTES);
        if (made == NULL)
            return NULL;
        if (os_commit(made, SILENT_BYTES) != 0) {
            os_release(made, SILENT_BYTES);
            return NULL;
        }
        made->next = first;
        *list = first = made;
    }
    return &first->of[first->count++];
}

/* What others may be changing is believed only if the goroutine turns out to have been silent to the end. */
__attribute__((__no_sanitize__("thread"))) static noinline bool look_at(struct g *g, struct silent *silent)
{
    uint32_t status = atomic_load_acquire(&g->status);
    struct m *m = atomic_load_relaxed(&g->m);
    silent->g = g;
    silent->id = g->id;
    silent->thread = NO_THREAD;
    switch (status) {
    case G_RUNNABLE: silent->state = GO_RUNNABLE; return true;
    case G_WAITING: silent->state = GO_WAITING; return true;
    case G_RUNNING:
        silent->state = GO_SYSCALL; /* its p was taken; with one, it has been named */
        if (m == NULL || atomic_load_relaxed(&m->p) != NULL)
            return false;
        silent->thread = (uint64_t)m->tid;
        return true;
    default: return false;
    }
}

static void note_silent(uint32_t generation, struct silents **list)
{
    struct tracer *control = &tracing.control;
    uint64_t cursor = 0;
    struct g *g;
    while ((g = g_next(&cursor)) != NULL) {
        struct silent found;
        if (is_named(&g->trace, generation) || !look_at(g, &found) || life(found.id) != atomic_load_relaxed(&g->trace.id))
            continue;
        size_t depth = found.state != GO_SYSCALL ? g_walk_parked(g, control->pcs) : 0;
        found.stack = stack_of(control, generation, control->pcs, depth);
        struct silent *silent = silent_add(list);
        if (silent != NULL)
            *silent = found;
        else
            count_lost(generation);
    }
}

static void tell_silent(uint32_t generation, struct silents *list)
{
    while (list != NULL) {
        for (size_t i = 0; i < list->count; i++) {
            const struct silent *silent = &list->of[i];
            if (!is_named(&silent->g->trace, generation)) { /* by now it may have ended, and the g be another's */
                atomic_store_relaxed(&silent->g->trace.generations[generation & 1], generation);
                emit(&tracing.control, generation, EV_GO_STATUS_STACK, 4, silent->id, silent->thread,
                     (uint64_t)silent->state, silent->stack);
            }
        }
        struct silents *next = list->next;
        os_release(list, SILENT_BYTES);
        list = next;
    }
}

static void take_buffers(struct tracer *tracer, uint32_t generation)
{
    struct trace_buffer **places[] = { &tracer->events[generation & 1], &tracer->tables[generation & 1] };
    for (size_t i = 0; i < array_length(places); i++) {
        if (*places[i] != NULL)
            buffer_is_full(*places[i]);
        *places[i] = NULL;
    }
}

void event_turn(uint32_t next)
{
    uint32_t generation = tracing.generation;
    struct silents *silents = NULL;
    bool was_idle[MOST_PROCS] = { false };
    name_all_held(generation);
    for (uint32_t i = 0; i < sched.procs; i++)
        was_idle[i] = atomic_load_relaxed(&sched.p[i].m) == NULL;
    set_now(&tracing.control, event_now());
    note_silent(generation, &silents);
    if (next != 0)
        table_clear(next);
    atomic_store_relaxed(&tracing.filled, 0);
    atomic_store_relaxed(&tracing.has_long_numbers, 0);
    atomic_store_relaxed(&tracing.has_full_table, 0);
    atomic_store_release(&tracing.generation, next);
    fence_heavy(); /* pairs with section_open */
    struct tracer *first = atomic_load_acquire(&tracing.tracers);
    for (struct tracer *tracer = first; tracer != NULL; tracer = tracer->next)
        wait_past(tracer, generation);
    for (uint32_t i = 0; i < sched.procs; i++)
        if (was_idle[i] && !is_named(&sched.p[i].trace, generation)) {
            atomic_store_relaxed(&sched.p[i].trace.generations[generation & 1], generation);
            emit(&tracing.control, generation, EV_PROC_STATUS, 2, i, PROC_IDLE, 0, 0);
        }
    tell_silent(generation, silents);
    for (struct tracer *tracer = first; tracer != NULL; tracer = tracer->next)
        take_buffers(tracer, generation);
    take_buffers(&tracing.control, generation);
}
