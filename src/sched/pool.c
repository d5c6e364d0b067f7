/* SPDX-License-Identifier: MIT */
/*
 * pool.c: the memory that traces are recorded in: a head, buffers, and the tables of two generations.
 *
 * Buffers that are free, and those that are full, are lists without a lock. Whoever records takes and gives; the trace's thread
 * takes what is full, and gives it back.
 */
#include <errno.h>
#include <string.h>

#include "sched/tracer.h"

struct trace_buffer *event_buffer(uint32_t number)
{
    return (struct trace_buffer *)(tracing.memory + TRACE_HEAD + (size_t)number * TRACE_BUFFER);
}

static uint32_t number_of(const struct trace_buffer *buffer)
{
    return (uint32_t)((size_t)((const char *)buffer - tracing.memory - TRACE_HEAD) / TRACE_BUFFER);
}

/* The list's head is compared with a count of what was put in, or a buffer taken and put back meanwhile would be missed. */
static struct trace_buffer *buffer_get(void)
{
    uint64_t head = atomic_load_acquire(&tracing.free); /* acquire: pairs with event_buffer_free */
    while ((uint32_t)head != 0) {
        struct trace_buffer *buffer = event_buffer((uint32_t)head - 1);
        uint64_t rest = (head >> 32) << 32 | atomic_load_relaxed(&buffer->next);
        if (atomic_cas_acq_rel(&tracing.free, &head, rest))
            return buffer;
    }
    if (atomic_load_relaxed(&tracing.fresh) >= tracing.buffers)
        return NULL;
    uint32_t number = atomic_add_relaxed(&tracing.fresh, 1);
    return number < tracing.buffers ? event_buffer(number) : NULL;
}

void event_buffer_free(struct trace_buffer *buffer)
{
    uint64_t head = atomic_load_relaxed(&tracing.free), first;
    buffer->kind = 0;
    do {
        atomic_store_relaxed(&buffer->next, (uint32_t)head);
        first = ((head >> 32) + 1) << 32 | (number_of(buffer) + 1);
    } while (!atomic_cas_acq_rel(&tracing.free, &head, first)); /* pairs with buffer_get */
}

void buffer_is_full(struct trace_buffer *buffer)
{
    uint32_t last = atomic_load_relaxed(&tracing.full);
    buffer->order = atomic_add_relaxed(&tracing.order, 1);
    do
        atomic_store_relaxed(&buffer->next, last);
    while (!atomic_cas_acq_rel(&tracing.full, &last, number_of(buffer) + 1)); /* pairs with event_take_full */
}

uint32_t event_take_full(void)
{
    uint32_t last = atomic_swap_acq_rel(&tracing.full, 0), first = 0; /* pairs with buffer_is_full */
    while (last != 0) {
        struct trace_buffer *buffer = event_buffer(last - 1);
        uint32_t before = atomic_load_relaxed(&buffer->next);
        atomic_store_relaxed(&buffer->next, first);
        first = last;
        last = before;
    }
    return first;
}

void count_lost(uint32_t generation)
{
    struct trace_generation *told = &event_head()->generations[generation % TRACE_GENERATIONS];
    atomic_add_relaxed(&tracing.lost[generation & 1], 1);
    atomic_store_relaxed(&told->state, TRACE_LOSSY); /* at once: the process may end before the generation does */
}

void tell_long_numbers(void)
{
    if (!atomic_swap_acq_rel(&tracing.has_long_numbers, 1)) /* once in a generation: a wake is a system call */
        note_wake(tracing.alarm);
}

void tell_full_table(void)
{
    if (!atomic_swap_acq_rel(&tracing.has_full_table, 1))
        note_wake(tracing.alarm);
}

/* Another buffer in this place, for `thread`; NULL if there is none. */
struct trace_buffer *buffer_next(struct tracer *tracer, struct trace_buffer **place, uint32_t generation,
                                                 enum trace_kind kind)
{
    if (*place != NULL) {
        buffer_is_full(*place);
        bool counts = tracer != &tracing.control; /* what that names it names again in the next generation */
        if (counts && atomic_add_relaxed(&tracing.filled, 1) + 1 ==
                          atomic_load_acquire(&tracing.alarm_at)) /* acquire: pairs with event_alarm */
            note_wake(tracing.alarm); /* once in a generation: it is a system call */
    }
    struct trace_buffer *buffer = *place = buffer_get();
    if (buffer == NULL) {
        if (kind != TRACE_SAMPLES) /* without which the rest is whole */
            count_lost(generation);
        return NULL;
    }
    buffer->generation = generation;
    buffer->thread = tracer->thread;
    buffer->base = buffer->last = tracer->now;
    buffer->order = UINT64_MAX;
    atomic_store_relaxed(&buffer->used, 0);
    buffer->kind = kind;
    return buffer;
}

struct trace_head *event_head(void)
{
    return (struct trace_head *)tracing.memory;
}

static int map_memory(void)
{
    tracing.memory = os_reserve(tracing.bytes);
    if (tracing.memory == NULL)
        return -ENOMEM;
    int error = os_commit(tracing.memory, tracing.bytes);
    if (error != 0)
        os_release(tracing.memory, tracing.bytes);
    return error;
}

int event_pool_open(size_t bytes, const char *path)
{
    if (bytes / TRACE_BUFFER >= UINT32_MAX) /* numbers of buffers are 32 bits, plus 1 */
        return -ENOMEM;
    size_t tables = round_up(2 * sizeof(struct table), (size_t)PAGE);
    tracing.bytes = TRACE_HEAD + bytes / TRACE_BUFFER * TRACE_BUFFER + tables;
    int file = path != NULL ? os_map_file(path, tracing.bytes, (void **)&tracing.memory) : map_memory();
    if (file < 0)
        return file;
    tracing.file = path != NULL ? file : -1;
    tracing.buffers = (uint32_t)(bytes / TRACE_BUFFER);
    struct trace_head *head = event_head();
    memcpy(head->magic, TRACE_MAGIC, sizeof head->magic);
    head->buffer_bytes = TRACE_BUFFER;
    head->buffers = tracing.buffers;
    tracing.tables = (struct table *)(tracing.memory + tracing.bytes - tables);
    atomic_store_relaxed(&tracing.fresh, 0);
    atomic_store_relaxed(&tracing.free, 0);
    atomic_store_relaxed(&tracing.full, 0);
    return 0;
}

void event_pool_close(void)
{
    os_release(tracing.memory, tracing.bytes);
    tracing.memory = NULL;
    if (tracing.file >= 0)
        os_close(tracing.file);
}

uint64_t event_lost(uint32_t generation)
{
    return atomic_load_relaxed(&tracing.lost[generation & 1]);
}

bool event_has_long_numbers(void)
{
    return atomic_load_relaxed(&tracing.has_long_numbers) != 0;
}

bool event_has_full_table(void)
{
    return atomic_load_relaxed(&tracing.has_full_table) != 0;
}

void event_alarm(struct note *note, uint32_t buffers)
{
    tracing.alarm = note;
    atomic_store_release(&tracing.alarm_at, buffers); /* release: pairs with buffer_next */
    if (event_filled() >= buffers) /* nobody else will */
        note_wake(note);
}

uint32_t event_filled(void)
{
    return atomic_load_relaxed(&tracing.filled);
}

uint32_t event_buffers(void)
{
    return tracing.buffers;
}
