/* SPDX-License-Identifier: MIT */
/*
 * salvage.c: the memory of event.c, read when nobody writes it any more.
 *
 * Every event was in the file before anybody could act upon it, so what is found there is the story up to one moment, with
 * no effect without its cause. Each buffer tells its generation, and the head which of them are whole. The last one was
 * never ended: who was silent in it is not named there, which only matters to generations after it. If the process
 * died while one generation turned into the next, there are two such; then the older one has to have a whole one
 * before it, or is left out.
 *
 * The file may be damaged: nothing in it is believed before it is checked.
 */
#include "observe/salvage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/os.h"
#include "observe/names.h"
#include "sched/event.h"
#include "sched/wire.h"

enum { BUFFER_BYTES = TRACE_BUFFER - (int)sizeof(struct trace_buffer) };

static struct names *names; /* a symbolizer has no argument */

/* ---- names ---- */

static int load_modules(const char *modules)
{
    char *text = strdup(modules), *rest = text, *line;
    int error = 0;
    names = names_open(NULL);
    if (text == NULL || names == NULL)
        error = -ENOMEM;
    while (error == 0 && (line = strsep(&rest, "\n")) != NULL)
        error = names_add(names, line, 0) == -ENOMEM ? -ENOMEM : 0;
    if (error == 0)
        names_find(names);
    free(text);
    return error;
}

/* There is always an answer: this process's own symbols must not be asked. */
static size_t name_pc(uintptr_t pc, rung_frame *frames, size_t capacity)
{
    size_t count = names_at(names, pc, frames, capacity);
    if (count > 0)
        return count;
    names_place(names, pc, frames);
    return 1;
}

/* ---- buffers ---- */

struct memory {
    uint8_t *bytes; /* a copy: the process may still live, and what was checked must stay as it was */
    size_t count;
    const struct trace_head *head;
    char modules[TRACE_MODULES + 1];
    const struct trace_buffer **buffers; /* that hold something, by generation and order */
    size_t buffer_count;
    void (*tell)(uint64_t done, uint64_t all);
    uint64_t done, all; /* bytes of buffers */
};

static int by_order(const void *a, const void *b)
{
    const struct trace_buffer *left = *(const struct trace_buffer *const *)a, *right = *(const struct trace_buffer *const *)b;
    if (left->generation != right->generation)
        return left->generation < right->generation ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

static bool is_usable(const struct trace_buffer *buffer)
{
    return buffer->kind >= TRACE_EVENTS && buffer->kind <= TRACE_SAMPLES && buffer->used > 0 &&
           buffer->used <= BUFFER_BYTES && buffer->generation != 0;
}

static int collect(struct memory *memory)
{
    memory->buffers = calloc(memory->head->buffers, sizeof *memory->buffers);
    if (memory->buffers == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < memory->head->buffers; i++) {
        const struct trace_buffer *buffer = (const struct trace_buffer *)(memory->bytes + TRACE_HEAD + (size_t)i * TRACE_BUFFER);
        if (is_usable(buffer))
            memory->buffers[memory->buffer_count++] = buffer;
    }
    qsort(memory->buffers, memory->buffer_count, sizeof *memory->buffers, by_order);
    return 0;
}

static int refuse(char error[160], const char *sentence)
{
    snprintf(error, 160, "%s", sentence);
    return -EINVAL;
}

static int check_head(const struct memory *memory, char error[160])
{
    const struct trace_head *head = memory->head;
    if (head->magic[0] == '\0') /* the process died before it had filled in the head */
        return refuse(error, "nothing was recorded");
    if (memcmp(head->magic, TRACE_MAGIC, sizeof head->magic) != 0 || head->buffer_bytes != TRACE_BUFFER ||
        head->buffers > (memory->count - TRACE_HEAD) / TRACE_BUFFER)
        return refuse(error, "not a flight recorder's memory");
    return 0;
}

static int read_all(int fd, struct memory *memory, char error[160])
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < TRACE_HEAD)
        return refuse(error, "too short for a flight recorder's memory");
    memory->count = (size_t)status.st_size;
    memory->bytes = malloc(memory->count);
    if (memory->bytes == NULL)
        return -ENOMEM;
    int64_t got = os_read_at(fd, memory->bytes, memory->count, 0);
    if (got < 0)
        return (int)got;
    if (got < TRACE_HEAD)
        return refuse(error, "too short for a flight recorder's memory");
    memory->count = (size_t)got;
    memory->head = (const struct trace_head *)memory->bytes;
    memcpy(memory->modules, memory->head->modules, TRACE_MODULES);
    return check_head(memory, error);
}

static int read_file(const char *path, struct memory *memory, char error[160])
{
    int fd = os_open_read(path);
    if (fd < 0)
        return fd;
    int result = read_all(fd, memory, error);
    os_close(fd);
    return result;
}

/* ---- generations ---- */

static const struct trace_generation *generation_of(const struct memory *memory, uint32_t number)
{
    const struct trace_generation *found = &memory->head->generations[number % TRACE_GENERATIONS];
    return found->number == number && found->state != 0 && found->mono_ns > 0 ? found : NULL;
}

/* The first and the last number of those that follow each other to the newest. False: there is none. */
static bool find_run(const struct memory *memory, uint32_t *first, uint32_t *last)
{
    *last = 0;
    for (int i = 0; i < TRACE_GENERATIONS; i++) {
        const struct trace_generation *found = &memory->head->generations[i];
        if (generation_of(memory, found->number) == found && found->state != TRACE_LOSSY && found->number > *last)
            *last = found->number;
    }
    if (*last == 0)
        return false;
    const struct trace_generation *before;
    *first = *last;
    while ((before = generation_of(memory, *first - 1)) != NULL && before->state != TRACE_LOSSY)
        (*first)--;
    while (*first < *last && generation_of(memory, *first)->state != TRACE_WHOLE)
        (*first)++;
    return true;
}

/* Why there is no run. */
static const char *what_is_wrong(const struct memory *memory)
{
    for (int i = 0; i < TRACE_GENERATIONS; i++)
        if (memory->head->generations[i].state == TRACE_LOSSY)
            return "no generation is whole: events found no memory";
    return "nothing was recorded";
}

static void write_kind(struct wire *wire, struct memory *memory, uint32_t number, enum trace_kind kind,
                       void (*write)(struct wire *wire, const struct trace_buffer *buffer))
{
    for (size_t i = 0; i < memory->buffer_count; i++) {
        if (memory->buffers[i]->generation != number || memory->buffers[i]->kind != kind)
            continue;
        write(wire, memory->buffers[i]);
        memory->done += TRACE_BUFFER;
        memory->tell(memory->done, memory->all);
    }
}

static int write_run(struct memory *memory, struct wire *wire, uint32_t first, uint32_t last)
{
    for (uint32_t i = 0; i <= last - first; i++) { /* not by number: behind the last that there can be is 0 */
        uint32_t number = first + i;
        wire_begin(wire, generation_of(memory, number));
        wire_modules(wire, memory->modules);
        write_kind(wire, memory, number, TRACE_TABLES, wire_table);
        write_kind(wire, memory, number, TRACE_SAMPLES, wire_samples);
        wire_tables_end(wire);
        write_kind(wire, memory, number, TRACE_EVENTS, wire_events);
        wire_flush(wire);
    }
    return wire_error(wire);
}

/* Whether there are events in it. */
static bool count_run(const struct memory *memory, uint32_t first, uint32_t last, struct salvage *result)
{
    result->generations = last - first + 1;
    for (size_t i = 0; i < memory->buffer_count; i++) {
        const struct trace_buffer *buffer = memory->buffers[i];
        bool is_in = buffer->generation >= first && buffer->generation <= last;
        int64_t time = (int64_t)(buffer->last << TRACE_TICK_SHIFT);
        result->buffers += is_in;
        if (is_in && buffer->kind == TRACE_EVENTS && time > result->last_ns)
            result->last_ns = time;
    }
    return result->last_ns != 0;
}

static int salvage(struct memory *memory, rung_trace_sink *write, void *arg, struct salvage *result)
{
    uint32_t first, last;
    if (!find_run(memory, &first, &last) || !count_run(memory, first, last, result)) {
        snprintf(result->error, sizeof result->error, "%s", what_is_wrong(memory));
        return -EINVAL;
    }
    struct wire *wire = wire_open(write, arg, name_pc, 25);
    if (wire == NULL)
        return -ENOMEM;
    memory->all = result->buffers * TRACE_BUFFER;
    int error = write_run(memory, wire, first, last);
    int closed = wire_close(wire);
    return error != 0 ? error : closed;
}

int salvage_file(const char *path, rung_trace_sink *write, void *arg, void (*tell)(uint64_t done, uint64_t all),
                 struct salvage *result)
{
    struct memory memory = { .tell = tell };
    *result = (struct salvage){ 0 };
    int error = read_file(path, &memory, result->error);
    if (error == 0)
        error = collect(&memory);
    if (error == 0)
        error = load_modules(memory.modules);
    if (error == 0)
        error = salvage(&memory, write, arg, result);
    names_close(names);
    names = NULL;
    free(memory.buffers);
    free(memory.bytes);
    return error;
}
