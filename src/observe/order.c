/* SPDX-License-Identifier: MIT */
/*
 * order.c: what clocks of different threads get wrong, put right.
 *
 * Each thread tells in order what it does, by a clock that may be a microsecond ahead of another's: by time alone a goroutine may
 * be woken before it blocks. But what is done to a goroutine is numbered, in each generation from its naming on: who makes it
 * ready, and who starts it. So a thread whose next event is not due yet stands still until it is, as in Go's reader. A thread
 * waits for one goroutine at a time, and is looked at again once something has happened to that one.
 *
 * Of a file that is broken some threads may stand to the end; what they had to tell comes then, by time.
 */
#include "observe/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/array.h"

enum { NONE = 0 };        /* of numbers that are one more than an index */
#define TOLD SIZE_MAX

struct goroutine {
    uint64_t id, number;  /* the last one drawn */
    char state;           /* 'r'unnable, 'R'unning, 'b'locked; 0: not named yet, or gone */
    size_t waiters;       /* the first of the threads that wait for it */
};

struct thread {
    uint64_t id;
    struct goroutine *runs;
    size_t first, last;   /* of its events that wait */
    size_t next_waiter;   /* of those that wait for the same, or are to be looked at */
};

/* Entries that begin with an id: sorted, and one of each, once all are there. */
struct set {
    void *entries;
    size_t count, room, bytes;
};

struct order {
    struct generation *generation;
    struct set goroutines, threads;
    size_t *next;         /* by event: the next one of its thread that waits, or TOLD */
    struct trace_event *told;
    size_t told_count;
    size_t to_look_at;    /* the first of the threads for which something has happened */
};

/* ---- who there is ---- */

/* Whether the event's first argument is a goroutine, to which it happens. */
static bool is_about(const struct trace_event *event)
{
    switch (event->kind) {
    case KIND_GO_CREATE:
    case KIND_GO_CREATE_SYSCALL:
    case KIND_GO_CREATE_BLOCKED:
    case KIND_GO_START:
    case KIND_GO_SWITCH:
    case KIND_GO_SWITCH_DESTROY:
    case KIND_GO_UNBLOCK:
    case KIND_GO_STATUS:
    case KIND_GO_STATUS_STACK: return true;
    default: return false;
    }
}

static void set_sort(struct set *set)
{
    char *entries = set->entries;
    size_t kept = 0;
    array_sort(entries, set->count, set->bytes);
    for (size_t i = 0; i < set->count; i++)
        if (kept == 0 || memcmp(entries + i * set->bytes, entries + (kept - 1) * set->bytes, sizeof(uint64_t)) != 0)
            memmove(entries + kept++ * set->bytes, entries + i * set->bytes, set->bytes);
    set->count = kept;
}

static bool set_add(struct set *set, uint64_t id)
{
    if (set->count == set->room) {
        set_sort(set);
        if (!array_reserve(&set->entries, &set->room, 2 * set->count + 1, set->bytes))
            return false;
    }
    char *entry = (char *)set->entries + set->count++ * set->bytes;
    memset(entry, 0, set->bytes);
    memcpy(entry, &id, sizeof id);
    return true;
}

static void *set_find(const struct set *set, uint64_t id)
{
    return (void *)array_find(set->entries, set->count, set->bytes, id);
}

static bool collect(struct order *order)
{
    const struct generation *generation = order->generation;
    bool has_room = true;
    for (size_t i = 0; i < generation->count && has_room; i++) {
        const struct trace_event *event = &generation->events[i];
        has_room = (i > 0 && event->thread == event[-1].thread) || set_add(&order->threads, event->thread);
        if (has_room && is_about(event))
            has_room = set_add(&order->goroutines, event->arguments[0]);
    }
    set_sort(&order->threads);
    set_sort(&order->goroutines);
    return has_room;
}

/* ---- what happens ---- */

static bool is_due(const struct goroutine *goroutine, const struct trace_event *event)
{
    char before = 'b';
    switch (event->kind) {
    case KIND_GO_START: before = 'r'; break;
    case KIND_GO_UNBLOCK:
    case KIND_GO_SWITCH:
    case KIND_GO_SWITCH_DESTROY: break;
    default: return true;
    }
    return goroutine->state == before && goroutine->number + 1 == event->arguments[1];
}

static struct thread *thread_at(const struct order *order, size_t number)
{
    return (struct thread *)order->threads.entries + number - 1;
}

/* Who waited for it is looked at again. */
static void set_state(struct order *order, struct goroutine *goroutine, char state)
{
    goroutine->state = state;
    for (size_t number; (number = goroutine->waiters) != NONE;) {
        struct thread *thread = thread_at(order, number);
        goroutine->waiters = thread->next_waiter;
        thread->next_waiter = order->to_look_at;
        order->to_look_at = number;
    }
}

static void set_left(struct order *order, struct thread *thread, char state)
{
    if (thread->runs != NULL)
        set_state(order, thread->runs, state);
    thread->runs = NULL;
}

static void set_named(struct order *order, struct goroutine *goroutine, const uint64_t *arguments)
{
    static const char states[] = { 0, 'r', 'R', 'R', 'b' };
    char state = arguments[2] < array_length(states) ? states[arguments[2]] : 0;
    struct thread *thread = state == 'R' ? set_find(&order->threads, arguments[1]) : NULL;
    if (thread != NULL)
        thread->runs = goroutine;
    goroutine->number = 0;
    set_state(order, goroutine, state);
}

static void set_running(struct order *order, struct thread *thread, struct goroutine *goroutine, uint64_t number)
{
    goroutine->number = number;
    thread->runs = goroutine;
    set_state(order, goroutine, 'R');
}

static void set_numbered(struct order *order, struct goroutine *goroutine, uint64_t number, char state)
{
    goroutine->number = number;
    set_state(order, goroutine, state);
}

static void happen(struct order *order, struct thread *thread, struct goroutine *goroutine, const struct trace_event *event)
{
    const uint64_t *arguments = event->arguments;
    switch (event->kind) {
    case KIND_GO_CREATE: set_numbered(order, goroutine, 0, 'r'); break;
    case KIND_GO_CREATE_BLOCKED: set_numbered(order, goroutine, 0, 'b'); break;
    case KIND_GO_CREATE_SYSCALL: set_running(order, thread, goroutine, 0); break;
    case KIND_GO_STATUS:
    case KIND_GO_STATUS_STACK: set_named(order, goroutine, arguments); break;
    case KIND_GO_UNBLOCK: set_numbered(order, goroutine, arguments[1], 'r'); break;
    case KIND_GO_SWITCH:
    case KIND_GO_SWITCH_DESTROY: set_left(order, thread, event->kind == KIND_GO_SWITCH ? 'b' : 0); /* fall through */
    case KIND_GO_START: set_running(order, thread, goroutine, arguments[1]); break;
    case KIND_GO_STOP:
    case KIND_SYSCALL_END_BLOCKED: set_left(order, thread, 'r'); break;
    case KIND_GO_BLOCK: set_left(order, thread, 'b'); break;
    case KIND_GO_DESTROY:
    case KIND_GO_DESTROY_SYSCALL: set_left(order, thread, 0); break;
    default: break;
    }
}

/* ---- in order ---- */

static void tell(struct order *order, size_t number)
{
    struct trace_event *told = &order->told[order->told_count];
    *told = order->generation->events[number - 1];
    if (order->told_count > 0 && told->time < told[-1].time)
        told->time = told[-1].time;
    order->told_count++;
    order->next[number - 1] = TOLD;
}

/* Up to an event that is not due. */
static void go_on(struct order *order, struct thread *thread)
{
    for (size_t number; (number = thread->first) != NONE;) {
        const struct trace_event *event = &order->generation->events[number - 1];
        struct goroutine *goroutine = is_about(event) ? set_find(&order->goroutines, event->arguments[0]) : NULL;
        if (goroutine != NULL && !is_due(goroutine, event)) {
            thread->next_waiter = goroutine->waiters;
            goroutine->waiters = (size_t)(thread - thread_at(order, 1)) + 1;
            return;
        }
        thread->first = order->next[number - 1];
        tell(order, number);
        happen(order, thread, goroutine, event);
    }
}

static void add(struct order *order, size_t number)
{
    struct thread *thread = set_find(&order->threads, order->generation->events[number - 1].thread);
    bool waits = thread->first != NONE;
    order->next[number - 1] = NONE;
    if (waits)
        order->next[thread->last - 1] = number;
    else
        thread->first = number;
    thread->last = number;
    if (!waits)
        go_on(order, thread);
    while ((number = order->to_look_at) != NONE) {
        order->to_look_at = thread_at(order, number)->next_waiter;
        go_on(order, thread_at(order, number));
    }
}

static void put_in_order(struct order *order)
{
    struct generation *generation = order->generation;
    for (size_t i = 1; i <= generation->count; i++)
        add(order, i);
    for (size_t i = 1; i <= generation->count; i++)
        if (order->next[i - 1] != TOLD)
            tell(order, i);
    free(generation->events);
    generation->events = order->told;
    generation->capacity = generation->count;
}

int order_events(struct generation *generation)
{
    struct order order = { .generation = generation, .goroutines.bytes = sizeof(struct goroutine),
                           .threads.bytes = sizeof(struct thread) };
    order.next = calloc(generation->count + 1, sizeof *order.next);
    order.told = calloc(generation->count + 1, sizeof *order.told);
    bool has_room = order.next != NULL && order.told != NULL && collect(&order);
    if (has_room)
        put_in_order(&order);
    else
        free(order.told);
    free(order.next);
    free(order.goroutines.entries);
    free(order.threads.entries);
    return has_room ? 0 : -ENOMEM;
}
