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

#include "sched/find.h"

enum {
    COPY_MOST = 4096,
    KEEP_BYTES = 4 * PAGE, /* of a recycled stack */
    TRIM_TURN = 256,       /* every so many ends */
    COLORS = 12,           /* positions of g within its page, G_STEP apart */
    G_STEP = 2 * CACHE_LINE,
    ID_BATCH = 64,
};

_Static_assert(COLORS * G_STEP + sizeof(struct g) < PAGE / 2, "a fresh goroutine touches one page");

static struct g *stack_g(const struct stack *stack)
{
    uintptr_t address = stack->high - round_up(sizeof(struct g), (size_t)CACHE_LINE);
    return (struct g *)(address - stack->index % COLORS * G_STEP);
}

struct g *g_next(uint64_t *cursor)
{
    struct stack stack;
    if (!stack_next(cursor, &stack))
        return NULL;
    return stack_g(&stack);
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

/* Half a cache's worth of dead ones from the global list. */
static void refill(struct p *p)
{
    lock_acquire(&sched.lock);
    while (p->free_count < G_CACHE / 2 && sched.free[sched.stack_class] != NULL) {
        struct g *g = sched.free[sched.stack_class];
        sched.free[sched.stack_class] = g->next;
        g->next = p->free;
        p->free = g;
        p->free_count++;
    }
    lock_release(&sched.lock);
}

static void spill(struct p *p)
{
    lock_acquire(&sched.lock);
    while (p->free_count > G_CACHE / 2) {
        struct g *g = p->free;
        p->free = g->next;
        p->free_count--;
        g->next = sched.free[g->class];
        sched.free[g->class] = g;
    }
    lock_release(&sched.lock);
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
        g = sched.free[class];
        if (g != NULL)
            sched.free[class] = g->next;
        lock_release(&sched.lock);
    }
    return g != NULL ? g : g_make(class);
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

void g_release(struct m *m, struct g *g)
{
    struct p *p = m->p;
    if (unlikely(p == NULL || g->class != sched.stack_class)) {
        lock_acquire(&sched.lock);
        g->next = sched.free[g->class];
        atomic_store_relaxed(&sched.free[g->class], g);
        lock_release(&sched.lock);
        return;
    }
    g->next = p->free;
    p->free = g;
    if (unlikely(++p->free_count >= G_CACHE))
        spill(p);
}

/* ---- starting ---- */

static uint64_t next_id(struct m *m)
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
    g->name[0] = '\0';
    if (name != NULL) {
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
    g->scope = &sched.root;
    g->group = NULL;
    g->locals = NULL;
    g->id = next_id(m);
    g->created_by = m_g(m)->id;
    atomic_store_relaxed(&g->status, G_RUNNABLE);
    fence_light(); /* pairs with scope_end_root: it sees this g, or this g sees that the root has ended */
    g->ended = atomic_load_relaxed(&sched.root.error);
}

static always_inline void count_created(struct m *m)
{
    if (likely(m->p != NULL))
        atomic_store_relaxed(&m->p->created, m->p->created + 1);
    else
        atomic_add_relaxed(&sched.created, 1);
}

void g_prepare_main(struct m *m, struct g *g, rung_function *fn, void *arg, uintptr_t created_at)
{
    g_prepare(m, g, fn, arg, NULL, 0);
    g->name[0] = '\0';
    g->created_at = created_at;
}

void g_start(struct m *m, struct g *g)
{
    count_created(m);
    if (unlikely(m->p == NULL || sched.chaos != 0)) {
        ready_slow(m, g);
        return;
    }
    runq_put_next(m->p, g);
    wake_others(m);
}

uint64_t g_count(void)
{
    uint64_t created = atomic_load_relaxed(&sched.created);
    uint64_t ended = atomic_load_relaxed(&sched.ended);
    for (uint32_t i = 0; i < MOST_PROCS; i++) {
        ended += atomic_load_relaxed(&sched.p[i].ended);
        created += atomic_load_relaxed(&sched.p[i].created);
    }
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

static always_inline int go(rung_function *fn, void *arg, const void *copy, size_t copy_size, void *caller)
{
    int error = can_go(fn, NULL);
    if (unlikely(error != 0))
        return error;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    struct g *g = g_acquire(m, sched.stack_class);
    if (unlikely(g == NULL)) {
        leave_m(m);
        return -ENOMEM;
    }
    g_prepare(m, g, fn, arg, copy, copy_size);
    g->name[0] = '\0';
    g->created_at = (uintptr_t)caller;
    g_start(m, g);
    leave_m(m);
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

static int options_class(const rung_go_options *options)
{
    if (options->stack_size == 0)
        return sched.stack_class;
    if (options->stack_size < STACK_SMALLEST || options->stack_size > STACK_LARGEST)
        return -EINVAL;
    return stack_class(options->stack_size);
}

static int go_options(const rung_go_options *options, rung_function *fn, void *arg, void *caller)
{
    int error = can_go(fn, options->group);
    if (error != 0)
        return error;
    int class = options_class(options);
    if (class < 0 || (options->copy == NULL && options->copy_size > 0))
        return -EINVAL;
    if (options->copy_size > COPY_MOST)
        return -E2BIG;
    struct m *m = enter();
    if (m == NULL)
        return -ENOTRECOVERABLE;
    struct g *g = g_acquire(m, class);
    if (g == NULL) {
        leave_m(m);
        return -ENOMEM;
    }
    g_prepare(m, g, fn, arg, options->copy, options->copy_size);
    set_name(g, options->name);
    g->created_at = (uintptr_t)caller;
    if (options->group != NULL)
        error = group_join((struct group *)options->group, g);
    if (error == 0) {
        g_start(m, g);
    } else {
        atomic_store_relaxed(&g->status, G_DEAD);
        g_release(m, g);
    }
    leave_m(m);
    return error;
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

static hot void exit_m(void *goroutine, void *machine)
{
    struct g *g = goroutine;
    struct m *m = machine;
    stop_running(m, g);
    atomic_store_relaxed(&g->status, G_DEAD);
    struct p *p = m->p;
    atomic_store_relaxed(&p->ended, p->ended + 1);
    if (unlikely(p->ended % TRIM_TURN == 0))
        trim(g);
    g_release(m, g);
    fence_light(); /* pairs with wait_for_others' fence_heavy */
    if (unlikely(atomic_load_relaxed(&sched.is_closing)))
        run_check_end(m, g);
    schedule(m);
}

noreturn hot void rung_goroutine_main(void *goroutine)
{
    struct g *g = goroutine;
    sanitize_begin_g(g);
    leave();
    int result = g->fn(g->arg);
    if (unlikely(g->locals != NULL))
        locals_end(g);
    struct m *m = enter();
    check(m != NULL && m_g(m) == g);
    if (unlikely(g->scope != (g->group != NULL ? &g->group->scope : &sched.root)))
        panic("goroutine %llu returned with an open scope", (unsigned long long)g->id);
    if (unlikely(g->pinned != NULL)) {
        g->pinned = NULL;
        g->is_pinned = false;
        m->pinned_g = NULL;
        g->pins = 0;
    }
    if (g->group != NULL)
        group_leave(m, g, result);
    sanitize_end_g(m);
    machine_mcall(exit_m);
    __builtin_unreachable();
}
