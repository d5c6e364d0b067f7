/* SPDX-License-Identifier: MIT */
/*
 * g.c: making, starting, ending and recycling goroutines.
 *
 * A g lies at the top of its stack, below it the copied argument if any, below that the root record and the
 * frames: a fresh goroutine touches one page. Where exactly it lies differs from stack to
 * stack by some cache lines, or all of them would compete for the same sets of the first-level cache.
 *
 * A dead goroutine keeps its stack. Those of the default class go to a list of their p, and by
 * batches to and from a global one; the other classes have global lists only. Now and then a dying
 * goroutine is asked whether its stack has grown past a few pages; if so they go back to the kernel.
 */
#include <errno.h>
#include <string.h>

#include "sched/park.h"

enum {
    COPY_MOST = 4096,
    TRIM_TURN = 256,       /* every so many ends */
    ID_BATCH = 64,
    G_BYTES = round_up((int)sizeof(struct g), CACHE_LINE),
    G_STEP = 2 * CACHE_LINE,
    FIRST_PAGE = 2048 + 512, /* of its stack: a buffer of 2 KiB, and what leads to a park from there */
    COLORS = (PAGE - FIRST_PAGE - G_BYTES) / G_STEP + 1, /* positions of g, so that all that is in one page */
};

static struct g *stack_g(const struct stack *stack)
{
    return (struct g *)(stack->high - G_BYTES - stack->index % COLORS * G_STEP);
}

struct g *g_next(uint64_t *cursor)
{
    struct stack stack;
    if (!stack_next(cursor, &stack))
        return NULL;
    return stack_g(&stack);
}

void g_show_stacks(void)
{
    uint64_t cursor = 0;
    struct g *g;
    while ((g = g_next(&cursor)) != NULL) {
        uint32_t status = atomic_load_relaxed(&g->status);
        if (status == G_WAITING || status == G_RUNNABLE)
            sanitize_root(g->machine.sched.sp, (uintptr_t)(g + 1));
    }
}

/* ---- free lists ---- */

static struct g *g_make(int class)
{
    struct stack stack;
    if (stack_new(class, &stack) != 0)
        return NULL;
    struct g *g = stack_g(&stack);
    g->class = (uint8_t)class;
    g->stack_low = stack.low;
    g->stack_high = (uintptr_t)g;
    atomic_store_release(&g->status, G_DEAD); /* release: pairs with dumps */
    return g;
}

static struct g *global_free_get_locked(int class)
{
    struct g *g = sched.free[class];
    if (g != NULL)
        atomic_store_relaxed(&sched.free[class], g->next);
    return g;
}

/* Half a cache's worth of dead ones from the global list. */
static void refill(struct p *p)
{
    struct g *g;
    lock_acquire(&sched.lock);
    while (p->free_count < atomic_load_relaxed(&sched.g_cache) / 2 &&
           (g = global_free_get_locked(sched.stack_class)) != NULL) {
        atomic_store_relaxed(&g->next, p->free);
        p->free = g;
        p->free_count++;
    }
    lock_release(&sched.lock);
}

static void spill_locked(struct p *p, uint32_t keep)
{
    while (p->free_count > keep) {
        struct g *g = p->free;
        p->free = g->next;
        p->free_count--;
        atomic_store_relaxed(&g->next, sched.free[g->class]);
        atomic_store_relaxed(&sched.free[g->class], g);
    }
}

static void spill(struct p *p)
{
    lock_acquire(&sched.lock);
    spill_locked(p, atomic_load_relaxed(&sched.g_cache) / 2);
    lock_release(&sched.lock);
}

/*
 * No memory for a new stack, but dead ones may lie in other processors' caches: those of the idle are taken,
 * and the busy ones, from now on, give theirs away when their next goroutine ends.
 */
static cold struct g *g_scavenge(int class)
{
    atomic_store_relaxed(&sched.g_cache, G_CACHE_SCARCE);
    lock_acquire(&sched.lock);
    for (uint32_t i = 0; i < MOST_PROCS; i++)
        if (sched.p[i].is_idle) /* those too that only a run before had */
            spill_locked(&sched.p[i], 0);
    struct g *g = global_free_get_locked(class);
    lock_release(&sched.lock);
    return g;
}

static noinline struct g *acquire_slow(struct m *m, int class)
{
    struct g *g = NULL;
    if (m->p != NULL && class == sched.stack_class) {
        if (atomic_load_relaxed(&sched.free[class]) != NULL)
            refill(m->p);
        g = m->p->free;
        if (g != NULL) {
            m->p->free = g->next;
            m->p->free_count--;
            return g;
        }
    } else {
        lock_acquire(&sched.lock);
        g = global_free_get_locked(class);
        lock_release(&sched.lock);
    }
    if (g == NULL)
        g = g_make(class);
    return g != NULL ? g : g_scavenge(class);
}

struct g *g_acquire(struct m *m, int class)
{
    struct p *p = m->p;
    if (likely(p != NULL && class == sched.stack_class && p->free != NULL)) {
        struct g *g = p->free;
        p->free = g->next;
        p->free_count--;
        return g;
    }
    return acquire_slow(m, class);
}

static void trim(struct g *g)
{
    struct stack stack = { .low = g->stack_low, .high = round_up(g->stack_high, (uintptr_t)PAGE) };
    stack_trim(&stack, KEEP_BYTES);
}

static always_inline void release(struct m *m, struct g *g)
{
    struct p *p = m->p;
    if (unlikely(p == NULL || g->class != sched.stack_class)) {
        lock_acquire(&sched.lock);
        atomic_store_relaxed(&g->next, sched.free[g->class]);
        atomic_store_relaxed(&sched.free[g->class], g);
        lock_release(&sched.lock);
        return;
    }
    atomic_store_relaxed(&g->next, p->free);
    p->free = g;
    if (unlikely(++p->free_count >= atomic_load_relaxed(&sched.g_cache)))
        spill(p);
}

void g_release(struct m *m, struct g *g)
{
    release(m, g);
}

/* ---- starting ---- */

static always_inline uint64_t next_id(struct m *m)
{
    struct p *p = m->p;
    if (unlikely(p == NULL))
        return atomic_add_relaxed(&sched.next_id, 1) + 1;
    if (unlikely(p->id_next == p->id_end)) {
        p->id_next = atomic_add_relaxed(&sched.next_id, ID_BATCH);
        p->id_end = p->id_next + ID_BATCH;
    }
    return ++p->id_next;
}

/* Copies the argument above the frames; gives back where the frames begin. */
static uintptr_t place_argument(struct g *g, const void *data, size_t size)
{
    uintptr_t top = g->stack_high & ~(uintptr_t)15;
    if (size > 0) {
        top = (top - size) & ~(uintptr_t)15;
        memcpy((void *)top, data, size);
        g->arg = (void *)top;
    }
    return top;
}

static void set_name(struct g *g, const char *name)
{
    g->has_name = name != NULL && name[0] != '\0';
    if (g->has_name) {
        size_t length = strnlen(name, G_NAME - 1);
        memcpy(g->name, name, length);
        g->name[length] = '\0';
    }
}

static always_inline void g_prepare(struct m *m, struct g *g, rung_function *fn, void *arg, const void *copy,
                                    size_t copy_size)
{
    g->fn = fn;
    g->arg = arg;
    uintptr_t top = copy != NULL ? place_argument(g, copy, copy_size) : g->stack_high & ~(uintptr_t)15;
    machine_prepare(&g->machine, top);
    g->machine.fp = sched.fp;
    g->saved_errno = 0;
    atomic_store_relaxed(&g->scope, &sched.root);
    atomic_store_relaxed(&g->group, NULL);
    atomic_store_relaxed(&g->ended, 0);
    g->locals = NULL;
    g->id = next_id(m);
    g->created_by = m_g(m)->id;
}

/*
 * From here on dumps and the root's end look at it. scope_end_root sees this g, or this g sees that the root has
 * ended, or both: then both store the same, and neither undoes the other's.
 */
static always_inline void g_publish(struct g *g)
{
    atomic_store_release(&g->status, G_RUNNABLE); /* release: pairs with look_at: all of it is there */
    fence_light();                                /* pairs with scope_end_root */
    int32_t error = atomic_load_relaxed(&sched.root.error);
    if (unlikely(error != 0) && g->group == NULL)
        atomic_store_relaxed(&g->ended, error);
}

static always_inline void count_created(struct m *m)
{
    if (likely(m->p != NULL))
        atomic_count(&m->p->created);
    else
        atomic_add_relaxed(&sched.created, 1);
}

void g_prepare_main(struct m *m, struct g *g, rung_function *fn, void *arg, uintptr_t created_at)
{
    g_prepare(m, g, fn, arg, NULL, 0);
    g->has_name = false;
    g->created_at = created_at;
    g_publish(g);
}

/* A creator without a p, or one that is pinned; chaos; tracing. */
static noinline void start_special(struct m *m, struct g *g)
{
    bool makes_way = m->p != NULL && (runq_is_long(m->p) || chaos(m, 4)) && m->pinned_g == NULL;
    if (is_traced())
        trace_create(m, g, makes_way);
    if (makes_way)
        arrive(switch_to(m, g, TO_START), TO_END);
    else
        queue_slow(m, g);
}

static always_inline void start(struct m *m, struct g *g)
{
    count_created(m);
    if (unlikely(m->is_special)) {
        start_special(m, g);
        return;
    }
    if (unlikely(runq_is_long(m->p))) {
        arrive(switch_to(m, g, TO_START), TO_END); /* the caller makes way */
        return;
    }
    runq_put_next(m->p, g);
    wake_others(m);
}

void g_start(struct m *m, struct g *g)
{
    start(m, g);
}

/* The ends first: who started another before its own end is counted out only if that one is counted in. */
uint64_t g_count(void)
{
    uint64_t ended = atomic_load_acquire(&sched.ended); /* acquire: the loads stay in this order */
    for (uint32_t i = 0; i < MOST_PROCS; i++)
        ended += atomic_load_acquire(&sched.p[i].ended);
    uint64_t created = atomic_load_relaxed(&sched.created);
    for (uint32_t i = 0; i < MOST_PROCS; i++)
        created += atomic_load_relaxed(&sched.p[i].created);
    return created - ended;
}

/* ---- the public calls ---- */

static always_inline int can_go(rung_function *fn, const rung_group *group)
{
    if (unlikely(fn == NULL))
        return -EINVAL;
    if (unlikely(!atomic_load_relaxed(&sched.is_running)))
        return sched.is_forked ? -ENOTRECOVERABLE : -ESRCH;
    if (group == NULL && unlikely(atomic_load_relaxed(&sched.root.error) != 0))
        return -ECANCELED;
    return 0;
}

/* For all that options may say, and for plain threads, which no run ends without, and which see all of it from run_hold on. */
static noinline int go_special(struct m *m, const rung_go_options *options, rung_function *fn, void *arg, void *caller)
{
    bool is_thread = m->is_thread;
    if (is_thread && !run_hold()) {
        run_let_go(m);
        leave_m(m);
        return -ESRCH;
    }
    struct g *g = g_acquire(m, options->stack_size != 0 ? stack_class(options->stack_size) : sched.stack_class);
    int error = g != NULL ? 0 : -ENOMEM;
    if (g != NULL) {
        g_prepare(m, g, fn, arg, options->copy, options->copy_size);
        set_name(g, options->name);
        g->created_at = (uintptr_t)caller;
        if (options->group != NULL)
            error = group_join((struct group *)options->group, g);
        if (error == 0) {
            g_publish(g);
            g_start(m, g);
        } else {
            g_release(m, g);
        }
    }
    if (is_thread)
        run_let_go(m);
    leave();
    return error;
}

static always_inline int go(rung_function *fn, void *arg, const void *copy, size_t copy_size, void *caller)
{
    int error = can_go(fn, NULL);
    if (unlikely(error != 0))
        return error;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    if (unlikely(m->p == NULL)) {
        rung_go_options options = { .copy = copy, .copy_size = copy_size };
        return go_special(m, &options, fn, arg, caller);
    }
    struct g *g = g_acquire(m, sched.stack_class);
    if (unlikely(g == NULL)) {
        leave_m(m);
        return -ENOMEM;
    }
    g_prepare(m, g, fn, arg, copy, copy_size);
    g->has_name = false;
    g->created_at = (uintptr_t)caller;
    g_publish(g);
    start(m, g);
    leave();
    return 0;
}

int rung_go(rung_function *fn, void *arg)
{
    return go(fn, arg, NULL, 0, __builtin_return_address(0));
}

int rung_go_copy(rung_function *fn, const void *data, size_t size)
{
    if (size > COPY_MOST)
        return -E2BIG;
    if (data == NULL && size > 0)
        return -EINVAL;
    return go(fn, NULL, data != NULL ? data : "", size, __builtin_return_address(0));
}

static int go_options(const rung_go_options *options, rung_function *fn, void *arg, void *caller)
{
    int error = can_go(fn, options->group);
    if (error != 0)
        return error;
    size_t size = options->stack_size;
    if ((size != 0 && (size < STACK_SMALLEST || size > STACK_LARGEST)) || (options->copy == NULL && options->copy_size > 0))
        return -EINVAL;
    if (options->copy_size > COPY_MOST)
        return -E2BIG;
    struct m *m = enter();
    if (m == NULL)
        return -ENOTRECOVERABLE;
    return go_special(m, options, fn, arg, caller);
}

int rung_go_with(const rung_go_options *options, rung_function *fn, void *arg)
{
    static const rung_go_options none;
    return go_options(options != NULL ? options : &none, fn, arg, __builtin_return_address(0));
}

int rung_group_go(rung_group *group, rung_function *fn, void *arg)
{
    rung_go_options options = { .group = group };
    if (group == NULL)
        return -EINVAL;
    return go_options(&options, fn, arg, __builtin_return_address(0));
}

uint64_t rung_id(void)
{
    struct m *m = machine_m();
    return m != NULL ? m_g(m)->id : 0;
}

/* ---- running and ending ---- */

hot void g_end(struct m *m, struct g *g)
{
    struct p *p = m->p;
    sanitize_recycle(g->machine.sched.sp, g->stack_high);
    atomic_store_relaxed(&g->status, G_DEAD);
    atomic_count(&p->ended);
    if (unlikely(p->ended % TRIM_TURN == 0))
        trim(g);
    release(m, g);
    fence_light(); /* pairs with rung_wait_for_others' fence_heavy */
    if (unlikely(atomic_load_relaxed(&sched.is_closing)))
        run_check_end(m, g);
}

hot void g_check_returned(struct m *m)
{
    if (unlikely(m == NULL))
        panic("a goroutine returned in the child of a fork: rung's threads are not there");
    const struct g *g = m_g(m);
    if (unlikely(g->scope != (g->group != NULL ? &g->group->scope : &sched.root)))
        panic("goroutine %llu returned with an open scope", (unsigned long long)g->id);
}

noreturn hot void rung_goroutine_main(void *goroutine)
{
    struct g *g = goroutine;
    struct m *m = machine_m();
    sanitize_begin_g(m, m->departed, g);
    leave_m(settle_parked(m));
    int result = g->fn(g->arg);
    if (unlikely(g->locals != NULL))
        locals_end(g);
    m = enter();
    g_check_returned(m);
    check(m_g(m) == g);
    if (unlikely(g->is_pinned)) {
        g->pinned = NULL;
        g->is_pinned = false;
        m_pin(m, NULL);
        g->pins = 0;
    }
    if (g->group != NULL)
        group_leave(m, g, result);
    sanitize_end_g(m);
    depart(m, TO_END);
    __builtin_unreachable();
}
