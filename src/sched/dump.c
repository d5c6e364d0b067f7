/* SPDX-License-Identifier: MIT */
/*
 * dump.c: what every goroutine does: on request, on SIGQUIT, at a panic, a deadlock, an overflow.
 *
 * Nothing is stopped and no lock is taken that others hold while they run, so that a dump works when all else
 * hangs, and from a signal handler. Memory comes from mmap; where it gives none, a little is put by.
 *
 * A parked goroutine is walked from its saved triple, between two looks at g->wait and g->status: if
 * either changed, it ran meanwhile, and is looked at again. A running one is asked: its thread gets
 * SIGURG, and its handler walks the stack that it interrupted; where goroutines switch all the time it may have to be
 * asked often. A thread that does not answer within ANSWER_NS (asleep for good in the kernel, signals blocked) is shown
 * without a stack; one that wants a CPU and gets none, as the machine has much else to do, has until it has had one so long.
 *
 * Equal stacks in equal states are shown once: they are kept in a hash table by stack. Where one leads through what nothing is
 * known of, sysmon is asked to look whether that has just been loaded, and all are walked again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/text.h"
#include "machine/object.h"
#include "machine/unwind.h"
#include "sched/park.h"
#include <rung_debug.h>

enum { TRIES = 200, RANGES = 4, IDS_SHOWN = 8, LINGERING_SHOWN = 16 };
#define ANSWER_NS INT64_C(200000000)

/* It reads what others may be changing, and what it finds is only believed if nothing has changed (look_at). */
#define looks_at_others __attribute__((__no_sanitize__("thread")))

/* ---- walking ---- */

/* g's stack, as long as it is m's to look at. Gives back how many there are. */
static size_t goroutine_range(const struct m *m, const struct g *g, struct stack_range *range)
{
    if (atomic_load_relaxed(&g->m) != m)
        return 0;
    *range = (struct stack_range){ g->stack_low, g->stack_high };
    return 1;
}

/*
 * The stacks that a walk on this thread may pass through, lowest first. While it goes from one goroutine straight to
 * another these are two: a signal may come before the stack pointer has moved, or after.
 */
static size_t ranges_of(struct m *m, struct stack_range ranges[RANGES])
{
    size_t count = 0;
    if (m == NULL)
        return 0;
    if (m->signal.low != 0)
        ranges[count++] = (struct stack_range){ m->signal.low, m->signal.high };
    /* g0's frames end below the m, which lies at the stack's top. */
    if (m->g0.low != 0)
        ranges[count++] = (struct stack_range){ m->g0.low, m->is_thread ? m->g0.high : (uintptr_t)m };
    struct g *g = m_g(m), *departed = m->departed;
    if (departed != NULL && departed < g)
        count += goroutine_range(m, departed, &ranges[count]);
    if (g != NULL && !g->is_thread)
        count += goroutine_range(m, g, &ranges[count]);
    if (departed != NULL && departed > g)
        count += goroutine_range(m, departed, &ranges[count]);
    return count;
}

noinline size_t rung_backtrace(uintptr_t *pcs, size_t capacity)
{
    struct stack_range ranges[RANGES];
    size_t count = ranges_of(machine_m(), ranges);
    uintptr_t all[UNWIND_DEPTH_MAX];
    size_t depth = unwind_here(ranges, count, all, UNWIND_DEPTH_MAX);
    size_t skip = depth > 1 ? 1 : 0; /* this function */
    size_t given = depth - skip < capacity ? depth - skip : capacity;
    memcpy(pcs, all + skip, given * sizeof *pcs);
    return given;
}

size_t rung_backtrace_context(const void *ucontext, uintptr_t *pcs, size_t capacity)
{
    struct stack_range ranges[RANGES];
    size_t count = ranges_of(machine_m(), ranges);
    return unwind_from_context(ucontext, ranges, count, pcs, capacity);
}

/* ---- asking another thread ---- */

static struct {
    uint32_t busy;      /* atomic: one question at a time */
    struct m *asked;    /* atomic: who shall answer, until it begins to, or is not waited for any more; NULL: nobody */
    const struct g *g;  /* what it shall run, or the stack is another's */
    uint32_t answered;  /* atomic */
    size_t depth;
    uintptr_t pcs[UNWIND_DEPTH_MAX];
} question;

static struct sigaction old_urg, old_quit, old_segv, old_bus;

static void chain(const struct sigaction *old, int signal_number, siginfo_t *info, void *context)
{
    if (old->sa_flags & SA_SIGINFO)
        old->sa_sigaction(signal_number, info, context);
    else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN)
        old->sa_handler(signal_number);
}

static void on_urg(int signal_number, siginfo_t *info, void *context)
{
    int saved = errno;
    struct m *m = machine_m(), *asked = m;
    if (m != NULL && atomic_cas_acquire(&question.asked, &asked, NULL)) { /* acquire: pairs with ask */
        bool is_running = m_g(m) == question.g && m->departed == NULL;
        question.depth = is_running ? rung_backtrace_context(context, question.pcs, UNWIND_DEPTH_MAX) : 0;
        atomic_store_release(&question.answered, 1); /* release: pairs with ask */
    } else {
        chain(&old_urg, signal_number, info, context);
    }
    errno = saved;
}

/* m may be so new that this does not see it whole: then it does not answer. */
looks_at_others static int tid_of(const struct m *m)
{
    return m->tid;
}

/* Whether it would answer, but for a CPU. */
looks_at_others static bool is_starved(const struct m *m, int64_t cpu_before)
{
    int64_t cpu = os_thread_cpu(tid_of(m));
    int state_fd = m->state_fd;
    return !m->is_thread && state_fd >= 0 && cpu_before >= 0 && cpu >= 0 && cpu - cpu_before < ANSWER_NS &&
           os_thread_wants_cpu(state_fd);
}

/*
 * Asks m, and waits for it. False: it does not answer in time. Then the question is taken back, or the answer would be
 * mistaken for that to the next one; who has begun to answer is waited for.
 */
static bool is_answered_by(struct m *m)
{
    int64_t until = os_now() + ANSWER_NS, cpu = os_thread_cpu(tid_of(m));
    atomic_store_relaxed(&question.answered, 0);
    atomic_store_release(&question.asked, m); /* release: pairs with on_urg */
    bool is_told = os_thread_signal(tid_of(m), SIGURG) == 0;
    for (uint32_t i = 0; !atomic_load_acquire(&question.answered); i++) { /* acquire: pairs with on_urg */
        bool has_time = is_told && (os_now() < until || is_starved(m, cpu));
        struct m *asked = m;
        if (!has_time && atomic_cas_acquire(&question.asked, &asked, NULL))
            return false;
        os_thread_wait(i);
    }
    return true;
}

/* The stack of g, which m runs; of depth 0 if that is just switching, or runs another by now. False: m does not answer. */
static bool ask(struct m *m, const struct g *g, uintptr_t *pcs, size_t *depth)
{
    uint32_t free = 0;
    if (!atomic_cas_acquire(&question.busy, &free, 1))
        return false;
    question.g = g;
    bool has_answered = is_answered_by(m);
    if (has_answered) {
        *depth = question.depth;
        memcpy(pcs, question.pcs, question.depth * sizeof *pcs);
    }
    atomic_store_release(&question.busy, 0);
    return has_answered;
}

/* ---- one goroutine ---- */

struct look {
    uint32_t status;
    uint8_t reason;
    int64_t since;
    uint64_t id, created_by;
    uintptr_t created_at;
    char name[G_NAME];
    size_t depth;
    uintptr_t pcs[UNWIND_DEPTH_MAX];
};

looks_at_others size_t g_walk_parked(struct g *g, uintptr_t *pcs)
{
    const struct gobuf *saved = &g->machine.sched;
    struct stack_range range = { g->stack_low, g->stack_high & ~(uintptr_t)7 };
    if (saved->pc == (uintptr_t)rung_goroutine_start) {
        pcs[0] = (uintptr_t)g->fn;
        return 1;
    }
    struct unwind_start start = { .pc = saved->pc, .sp = saved->sp, .fp = saved->bp };
    return unwind(&start, &range, 1, pcs, UNWIND_DEPTH_MAX);
}

/* False: it is no use to ask again. */
static bool walk_running(struct g *g, uintptr_t *pcs, size_t *depth)
{
    struct m *m = atomic_load_acquire(&g->m);
    if (m == NULL)
        return true;
    if (m != machine_m())
        return ask(m, g, pcs, depth);
    *depth = rung_backtrace(pcs, UNWIND_DEPTH_MAX);
    return true;
}

looks_at_others static const char *name_of(const struct g *g)
{
    return g != NULL && g->has_name ? g->name : "";
}

looks_at_others static void copy_fields(const struct g *g, struct look *look)
{
    look->reason = g->reason;
    look->since = g->since;
    look->id = g->id;
    look->created_by = g->created_by;
    look->created_at = g->created_at;
    look->name[0] = '\0';
    for (int i = 0; g->has_name && i < G_NAME; i++)
        look->name[i] = g->name[i];
}

/* Looks until nothing changed meanwhile. False: it has ended. */
static bool look_at(struct g *g, struct look *look)
{
    for (int i = 0; i < TRIES; i++) {
        uint32_t wait = wait_word(g);
        look->status = atomic_load_acquire(&g->status);
        look->depth = 0;
        if (look->status != G_RUNNABLE && look->status != G_RUNNING && look->status != G_WAITING)
            return false;
        copy_fields(g, look);
        bool answers = true;
        if (look->status == G_RUNNING)
            answers = walk_running(g, look->pcs, &look->depth);
        else
            look->depth = g_walk_parked(g, look->pcs);
        fence_seq_cst();
        if (look->status == atomic_load_relaxed(&g->status) &&
            (look->status == G_RUNNING ? look->depth > 0 || !answers : wait == wait_word(g)))
            return true;
        if (i > 0)
            os_thread_wait((uint32_t)i); /* it may be waiting for this CPU, half-way in a switch */
    }
    return true;
}

/* ---- merging ---- */

struct group_of_equals {
    uint32_t hash, count;
    uint32_t status;
    uint8_t reason;
    uintptr_t created_at;
    uint64_t created_by;
    int64_t oldest, newest; /* times of parking */
    uint64_t ids[IDS_SHOWN];
    char name[G_NAME];
    struct group_of_equals *next; /* as found */
    size_t depth;
    uintptr_t pcs[];
};

struct table {
    char *memory;
    size_t bytes, used;
    struct group_of_equals **slots;
    size_t slot_count;
    struct group_of_equals *first, **last;
    uint64_t total;
};

static uint32_t hash_of(const struct look *look)
{
    uint64_t hash = look->status * 31 + look->reason + look->created_at;
    for (size_t i = 0; i < look->depth; i++)
        hash = (hash ^ look->pcs[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 32);
}

static bool is_equal(const struct group_of_equals *group, uint32_t hash, const struct look *look)
{
    return group->hash == hash && group->status == look->status && group->reason == look->reason &&
           group->created_at == look->created_at && group->depth == look->depth &&
           memcmp(group->pcs, look->pcs, look->depth * sizeof look->pcs[0]) == 0;
}

static struct group_of_equals *table_add(struct table *table, size_t slot, const struct look *look, uint32_t hash)
{
    size_t bytes = sizeof(struct group_of_equals) + look->depth * sizeof look->pcs[0];
    if (table->used + bytes > table->bytes)
        return NULL;
    struct group_of_equals *group = (struct group_of_equals *)(table->memory + table->used);
    table->used += bytes;
    *group = (struct group_of_equals){ .hash = hash, .status = look->status, .reason = look->reason };
    group->created_at = look->created_at;
    group->created_by = look->created_by;
    group->oldest = group->newest = look->since;
    group->depth = look->depth;
    memcpy(group->name, look->name, G_NAME);
    memcpy(group->pcs, look->pcs, look->depth * sizeof look->pcs[0]);
    table->slots[slot] = group;
    *table->last = group;
    table->last = &group->next;
    return group;
}

/* Where memory for another stack is lacking, the goroutine is counted only. */
static void table_put(struct table *table, const struct look *look)
{
    uint32_t hash = hash_of(look);
    size_t slot = hash % table->slot_count;
    struct group_of_equals *group = table->slots[slot];
    table->total++;
    while (group != NULL && !is_equal(group, hash, look)) {
        slot = (slot + 1) % table->slot_count;
        group = table->slots[slot];
    }
    if (group == NULL)
        group = table_add(table, slot, look, hash);
    if (group == NULL)
        return;
    if (group->count < IDS_SHOWN)
        group->ids[group->count] = look->id;
    group->count++;
    if (strncmp(group->name, look->name, G_NAME) != 0)
        group->name[0] = '\0'; /* not shared by all */
    if (look->since < group->oldest)
        group->oldest = look->since;
    if (look->since > group->newest)
        group->newest = look->since;
}

enum { TABLE_BYTES = 32 << 20, SPARE_BYTES = 256 << 10, BYTES_PER_SLOT = 128, SLOTS = TABLE_BYTES / BYTES_PER_SLOT };

_Static_assert((TABLE_BYTES - SLOTS * sizeof(struct group_of_equals *)) / sizeof(struct group_of_equals) < SLOTS / 5 * 4,
               "a search ends at a free slot, also in the spare, which is divided alike");

/* For a dump at a time: who panics may do so because there is no memory left. */
static _Alignas(struct group_of_equals) char spare[SPARE_BYTES];
static uint32_t spare_is_used; /* atomic */

static void table_free(struct table *table)
{
    if (table->memory == spare)
        atomic_store_release(&spare_is_used, 0); /* release: pairs with take_spare */
    else
        os_release(table->memory, table->bytes);
}

static char *take_spare(void)
{
    uint32_t free = 0;
    if (!atomic_cas_acquire(&spare_is_used, &free, 1)) /* acquire: pairs with table_free */
        return NULL;
    memset(spare, 0, sizeof spare);
    return spare;
}

static bool table_init(struct table *table)
{
    size_t bytes = TABLE_BYTES;
    char *memory = os_reserve(bytes);
    if (memory != NULL && os_commit(memory, bytes) != 0) {
        os_release(memory, bytes);
        memory = NULL;
    }
    if (memory == NULL) {
        bytes = SPARE_BYTES;
        memory = take_spare();
    }
    *table = (struct table){ .memory = memory, .bytes = bytes, .slot_count = bytes / BYTES_PER_SLOT };
    table->slots = (struct group_of_equals **)memory;
    table->used = table->slot_count * sizeof table->slots[0];
    table->last = &table->first;
    return memory != NULL;
}

/* ---- printing ---- */

static const char *const reasons[WAIT_REASONS] = {
    [WAIT_NONE] = "waiting",
    [WAIT_CHAN_SEND] = "chan send",
    [WAIT_CHAN_RECEIVE] = "chan receive",
    [WAIT_SELECT] = "select",
    [WAIT_SLEEP] = "sleep",
    [WAIT_SYNC] = "sync",
    [WAIT_COND] = "sync.(*Cond).Wait",
    [WAIT_FOREVER] = "forever",
    [WAIT_IO] = "IO wait",
};

static const char *state_name(uint32_t status, uint8_t reason)
{
    if (status == G_RUNNABLE)
        return "runnable";
    if (status == G_RUNNING)
        return "running";
    return reason > 0 && reason < WAIT_REASONS ? reasons[reason] : "waiting";
}

static void print_name(struct text *text, uint64_t id, const char *name)
{
    text_add(text, "goroutine ");
    text_add_unsigned(text, id);
    if (name[0] != '\0') {
        text_add(text, " \"");
        text_add(text, name);
        text_add(text, "\"");
    }
}

static void print_pc(struct text *text, uintptr_t pc)
{
    char name[256];
    size_t length = rung_symbol(pc, name, sizeof name);
    text_add_bytes(text, name, length < sizeof name ? length : sizeof name - 1);
}

static void print_stack(struct text *text, const uintptr_t *pcs, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        if (pcs[i] == 0)
            continue;
        /* A return address may be the next function's first: the call is what it is about. */
        text_add(text, "    ");
        print_pc(text, pcs[i] - (i > 0));
        text_add(text, "\n");
    }
    if (depth >= UNWIND_DEPTH_MAX - 1) /* of its own stack this thread leaves out a frame */
        text_add(text, "    (at most 128 frames are shown)\n");
    if (depth == 0)
        text_add(text, "    (its thread does not answer)\n");
}

static void print_ids(struct text *text, const struct group_of_equals *group)
{
    uint32_t shown = group->count < IDS_SHOWN ? group->count : IDS_SHOWN;
    if (group->count == 1) {
        print_name(text, group->ids[0], group->name);
        return;
    }
    text_add(text, "goroutines ");
    for (uint32_t i = 0; i < shown; i++) {
        if (i > 0)
            text_add(text, ", ");
        text_add_unsigned(text, group->ids[i]);
    }
    if (group->count > shown) {
        text_add(text, " and ");
        text_add_unsigned(text, group->count - shown);
        text_add(text, " more");
    }
    if (group->name[0] != '\0') {
        text_add(text, " \"");
        text_add(text, group->name);
        text_add(text, "\"");
    }
}

static void print_group(struct text *text, const struct group_of_equals *group, int64_t now)
{
    print_ids(text, group);
    text_add(text, " [");
    text_add(text, state_name(group->status, group->reason));
    if (group->status == G_WAITING) {
        text_add(text, ", ");
        text_add_duration(text, now - group->newest);
        if (group->newest - group->oldest > RUNG_SECONDS(1)) {
            text_add(text, " to ");
            text_add_duration(text, now - group->oldest);
        }
    }
    text_add(text, "]:\n");
    print_stack(text, group->pcs, group->depth);
    text_add(text, "    created by ");
    print_pc(text, group->created_at);
    text_add(text, " in goroutine ");
    text_add_unsigned(text, group->created_by);
    text_add(text, "\n\n");
}

/* Whether some of it lies where nothing is known to be loaded. */
static bool has_strangers(const uintptr_t *pcs, size_t depth)
{
    struct object_place place;
    for (size_t i = 0; i < depth; i++)
        if (!object_symbol(pcs[i] - (i > 0), &place))
            return true;
    return false;
}

static bool is_shown_always(const struct g *g)
{
    (void)g;
    return true;
}

static bool is_not_main(const struct g *g)
{
    return g != atomic_load_relaxed(&sched.main);
}

/* False: no memory. */
static bool collect(struct table *table, bool (*is_shown)(const struct g *g))
{
    struct look look;
    uint64_t cursor = 0;
    struct g *g;
    if (!table_init(table))
        return false;
    while ((g = g_next(&cursor)) != NULL)
        if (is_shown(g) && look_at(g, &look))
            table_put(table, &look);
    return true;
}

static bool is_all_known(const struct table *table)
{
    const struct group_of_equals *group = table->first;
    while (group != NULL && !has_strangers(group->pcs, group->depth))
        group = group->next;
    return group == NULL;
}

static int dump(int fd, bool (*is_shown)(const struct g *g), const char *title)
{
    struct table table;
    struct text text;
    if (fd < 0)
        return -EBADF;
    if (!collect(&table, is_shown))
        return -ENOMEM;
    if (!is_all_known(&table) && sysmon_look_for_objects()) {
        table_free(&table);
        if (!collect(&table, is_shown))
            return -ENOMEM;
    }
    int64_t now = os_now();
    text_init(&text, fd);
    text_add_unsigned(&text, table.total);
    text_add(&text, title);
    for (const struct group_of_equals *group = table.first; group != NULL; group = group->next)
        print_group(&text, group, now);
    table_free(&table);
    return text_flush(&text);
}

int rung_dump(int fd)
{
    return dump(fd, is_shown_always, " goroutines\n\n");
}

void dump_lingering(void)
{
    dump(STDERR_FILENO, is_not_main, " goroutines have been cancelled and do not end:\n\n");
}

/* ---- ends ---- */

static void print_own(int fd, const uintptr_t *pcs, size_t depth)
{
    struct text text;
    struct m *m = machine_m();
    text_init(&text, fd);
    text_add(&text, "\n");
    if (m != NULL && !m->is_thread && m_g(m) != NULL && atomic_load_relaxed(&m_g(m)->status) == G_RUNNING) {
        print_name(&text, m_g(m)->id, name_of(m_g(m)));
        text_add(&text, " [running]:\n");
    } else {
        text_add(&text, "thread ");
        text_add_signed(&text, os_thread_id());
        text_add(&text, ":\n");
    }
    print_stack(&text, pcs, depth);
    text_add(&text, "\n");
    text_flush(&text);
}

/* A thread that never called rung slowly enough to get an m has no bounds there; libc knows them, but not for signal handlers. */
static size_t walk_own(uintptr_t pcs[UNWIND_DEPTH_MAX])
{
    struct stack_range range;
    if (machine_m() != NULL || unwind_thread_range(&range) != 0)
        return rung_backtrace(pcs, UNWIND_DEPTH_MAX);
    return unwind_here(&range, 1, pcs, UNWIND_DEPTH_MAX);
}

static void on_panic(int fd)
{
    uintptr_t pcs[UNWIND_DEPTH_MAX];
    if (fd < 0) { /* another is at it, and the end of the trace shall not wait for this thread */
        trace_stand_aside();
        return;
    }
    size_t depth = walk_own(pcs);
    if (has_strangers(pcs, depth) && sysmon_look_for_objects())
        depth = walk_own(pcs);
    print_own(fd, pcs, depth);
    rung_dump(fd);
    trace_save(true);
}

static void on_quit(int signal_number, siginfo_t *info, void *context)
{
    chain(&old_quit, signal_number, info, context);
    warn("SIGQUIT");
    rung_dump(STDERR_FILENO);
    trace_save(true);
    _exit(2);
}

static const char *fault_name(int signal_number)
{
    return signal_number == SIGBUS ? "SIGBUS" : "SIGSEGV";
}

/*
 * The goroutine that has used up its stack, or NULL: the fault is in its guard, or, of a frame that is larger than that, anywhere
 * beyond. The kernel's code does not tell.
 */
static const struct g *overflowed(uintptr_t address, uintptr_t sp)
{
    struct m *m = machine_m();
    enum stack_kind kind = stack_find(sp).kind;
    const struct g *g = m != NULL && !m->is_thread ? m_g(m) : NULL;
    if (g == NULL || kind == STACK_G0 || kind == STACK_SIGNAL || address >= g->stack_low)
        return NULL;
    bool is_in_guard = address >= g->stack_low - STACK_GUARD;
    bool is_beyond = sp < g->stack_low && stack_is_reserved(address);
    return is_in_guard || is_beyond ? g : NULL;
}

/* The name of the disaster, and where. */
static void print_fault(int signal_number, uintptr_t address, uintptr_t sp)
{
    const struct g *g = overflowed(address, sp);
    struct text text;
    text_init(&text, STDERR_FILENO);
    if (g != NULL) {
        struct stack stack = stack_find(g->stack_low);
        text_add(&text, "rung: stack overflow: ");
        print_name(&text, g->id, name_of(g));
        text_add(&text, " has used up its stack of ");
        text_add_unsigned(&text, (stack.high - stack.low) / 1024);
        text_add(&text, " KiB\n");
    } else {
        text_add(&text, "rung: ");
        text_add(&text, fault_name(signal_number));
        text_add(&text, " at address ");
        text_add_hex(&text, address);
        text_add(&text, "\n");
    }
    text_flush(&text);
}

/* Then the handler before ours, or the default: the signal comes again when this one returns. */
static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    static uint32_t is_reported;
    const struct sigaction *old = signal_number == SIGBUS ? &old_bus : &old_segv;
    if (atomic_swap_acq_rel(&is_reported, 1) == 0) {
        uintptr_t pcs[UNWIND_DEPTH_MAX];
        size_t depth = rung_backtrace_context(context, pcs, UNWIND_DEPTH_MAX);
        if (has_strangers(pcs, depth) && sysmon_look_for_objects())
            depth = rung_backtrace_context(context, pcs, UNWIND_DEPTH_MAX);
        print_fault(signal_number, (uintptr_t)info->si_addr, MACHINE_CONTEXT_SP((const ucontext_t *)context));
        print_own(STDERR_FILENO, pcs, depth);
        rung_dump(STDERR_FILENO);
        trace_save(old->sa_handler == SIG_DFL); /* a handler of the program's may mend what is wrong */
    }
    sigaction(signal_number, old, NULL);
    if (info->si_code <= 0) /* sent by a program: it does not come again by itself */
        raise(signal_number);
}

static void handle(int signal_number, int flags, void (*handler)(int, siginfo_t *, void *), struct sigaction *old)
{
    struct sigaction action = { .sa_sigaction = handler };
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | flags;
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, old);
}

/*
 * SIGQUIT is left alone where the program handles it already. Nothing goes on after it, so nothing is restarted:
 * ThreadSanitizer runs the handler only once futex(2) has come back.
 */
static void handle_quit(void)
{
    const char *wish = getenv("RUNG_SIGQUIT");
    struct sigaction now;
    if (wish != NULL && strcmp(wish, "0") == 0)
        return;
    if (sigaction(SIGQUIT, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        handle(SIGQUIT, 0, on_quit, &old_quit);
}

void dump_init(void)
{
    handle(SIGURG, SA_RESTART, on_urg, &old_urg);
    handle(SIGSEGV, SA_RESTART, on_fault, &old_segv);
    handle(SIGBUS, SA_RESTART, on_fault, &old_bus);
    handle_quit();
    rung_panic_hook = on_panic;
}

void rung_panic(const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    panic("%s", sentence);
}

void rung_statistics_read(rung_statistics *statistics)
{
    *statistics = (rung_statistics){
        .processors = atomic_load_relaxed(&sched.procs),
        .threads = atomic_load_relaxed(&sched.ms),
        .goroutines = g_count(),
        .hand_overs = atomic_load_relaxed(&sched.hand_overs),
        .created = atomic_load_relaxed(&sched.created),
        .stack_bytes = stack_bytes_committed(),
        .guard = stack_guard_name(),
        .membarrier = atomic_load_relaxed(&rung_fence_is_asymmetric),
    };
    for (uint32_t i = 0; i < MOST_PROCS; i++) {
        statistics->created += atomic_load_relaxed(&sched.p[i].created);
        statistics->switches += atomic_load_relaxed(&sched.p[i].switches);
        statistics->steals += atomic_load_relaxed(&sched.p[i].steals);
    }
}
