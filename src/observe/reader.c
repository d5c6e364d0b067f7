/* SPDX-License-Identifier: MIT */
/*
 * reader.c: every number is read within bounds, and every count checked against the bytes that are left.
 *
 * What is larger than the format allows is refused here, so that nothing which is done with a string or a stack takes long.
 */
#include "observe/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/order.h"

enum { BATCH_MOST = 65536, STRING_MOST = 1024, FRAMES_MOST = 128 };
enum { HEAD = 16, BATCH = 1, STACKS, STACK, STRINGS, STRING, SAMPLES, SAMPLE, FREQUENCY, SYNC = 50 };

/* How many arguments each kind has after the time; 0xff: no event of a trace. */
static const uint8_t argument_counts[KINDS] = {
    [0 ... 8] = 0xff,  [9] = 2,  [10] = 2, [11] = 0, [12] = 3, [13] = 2, [14] = 3, [15] = 1, [16] = 2,        [17] = 0,
    [18] = 0,          [19] = 2, [20] = 2, [21] = 3, [22] = 2, [23] = 0, [24] = 0, [25] = 3, [26] = 2,        [27] = 0,
    [28] = 1,          [29] = 2, [30] = 1, [31] = 1, [32] = 1, [33] = 2, [34] = 1, [35] = 1, [36] = 0,        [37] = 1,
    [38] = 1,          [39] = 1, [40] = 4, [41] = 2, [42] = 3, [43] = 3, [44] = 4, [45] = 2, [46] = 2,        [47] = 3,
    [48] = 4,          [49 ... KINDS - 1] = 0xff,
};

static const char *const kind_names[KINDS] = {
    [9] = "ProcsChange",     [10] = "ProcStart",       [11] = "ProcStop",       [12] = "ProcSteal",
    [13] = "ProcStatus",     [14] = "GoCreate",        [15] = "GoCreateSyscall", [16] = "GoStart",
    [17] = "GoDestroy",      [18] = "GoDestroySyscall", [19] = "GoStop",        [20] = "GoBlock",
    [21] = "GoUnblock",      [22] = "GoSyscallBegin",  [23] = "GoSyscallEnd",   [24] = "GoSyscallEndBlocked",
    [25] = "GoStatus",       [39] = "GoLabel",         [40] = "UserTaskBegin",  [41] = "UserTaskEnd",
    [42] = "UserRegionBegin", [43] = "UserRegionEnd",  [44] = "UserLog",        [45] = "GoSwitch",
    [46] = "GoSwitchDestroy", [47] = "GoCreateBlocked", [48] = "GoStatusStack",
};

const char *trace_kind_name(int kind)
{
    return kind >= 0 && kind < KINDS && kind_names[kind] != NULL ? kind_names[kind] : "other";
}

/* ---- bytes ---- */

static bool get(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 70 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        *value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static int broken(struct trace_file *file, size_t at, const char *what)
{
    if (file->error[0] == '\0')
        snprintf(file->error, sizeof file->error, "%s at byte %zu", what, at);
    return -1;
}

int trace_file_open(struct trace_file *file, const char *path)
{
    struct stat status;
    *file = (struct trace_file){ 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = fstat(fd, &status) != 0 ? -errno : !S_ISREG(status.st_mode) || status.st_size < HEAD ? -EINVAL : 0;
    void *bytes = error == 0 ? mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (error == 0 && bytes == MAP_FAILED)
        error = -errno;
    close(fd);
    if (error == 0) {
        file->bytes = bytes;
        file->count = (size_t)status.st_size;
        if (sscanf((const char *)bytes, "go 1.%2d trace", &file->version) != 1 || file->version < 22 || file->version > 25) {
            trace_file_close(file);
            error = -EINVAL;
        }
    }
    if (error == -EINVAL)
        snprintf(file->error, sizeof file->error, "no trace of Go 1.22 to 1.25");
    return error;
}

void trace_file_close(struct trace_file *file)
{
    if (file->bytes != NULL)
        munmap((void *)file->bytes, file->count);
    file->bytes = NULL;
}

int trace_next_batch(struct trace_file *file, size_t *at, struct batch *batch)
{
    size_t begin = *at < HEAD ? HEAD : *at;
    const uint8_t *next = file->bytes + begin, *end = file->bytes + file->count;
    uint64_t count;
    if (next >= end)
        return 0;
    if (*next++ != BATCH)
        return broken(file, begin, "no batch");
    if (!get(&next, end, &batch->generation) || !get(&next, end, &batch->thread) || !get(&next, end, &batch->base) ||
        !get(&next, end, &count))
        return broken(file, begin, "the head of a batch is cut off");
    if (count > (size_t)(end - next))
        return broken(file, begin, "a batch is cut off");
    if (count > BATCH_MOST)
        return broken(file, begin, "a batch is too large");
    batch->payload = next;
    batch->count = count;
    batch->begin = begin;
    *at = batch->end = (size_t)(next - file->bytes) + count;
    return 1;
}

/* ---- generations ---- */

static void *add(void **items, size_t *count, size_t *capacity, size_t size)
{
    if (*count == *capacity) {
        size_t larger = *capacity != 0 ? 2 * *capacity : 1024;
        void *moved = realloc(*items, larger * size);
        if (moved == NULL)
            return NULL;
        *items = moved;
        *capacity = larger;
    }
    return (char *)*items + (*count)++ * size;
}

static int read_strings(struct trace_file *file, const struct batch *batch, struct generation *generation)
{
    const uint8_t *at = batch->payload + 1, *end = batch->payload + batch->count;
    while (at < end) {
        uint64_t id, length;
        if (*at++ != STRING || !get(&at, end, &id) || !get(&at, end, &length) || length > (size_t)(end - at) || length > STRING_MOST)
            return broken(file, batch->begin, "a table of strings is broken");
        struct string_entry *entry = add((void **)&generation->strings, &generation->string_count,
                                         &generation->string_capacity, sizeof *entry);
        if (entry == NULL)
            return -ENOMEM;
        *entry = (struct string_entry){ id, (const char *)at, length };
        at += length;
    }
    return 1;
}

static int read_stacks(struct trace_file *file, const struct batch *batch, struct generation *generation)
{
    const uint8_t *at = batch->payload + 1, *end = batch->payload + batch->count;
    while (at < end) {
        uint64_t id, count, value;
        if (*at++ != STACK || !get(&at, end, &id) || !get(&at, end, &count) || count > FRAMES_MOST)
            return broken(file, batch->begin, "a table of stacks is broken");
        struct stack_entry *entry = add((void **)&generation->stacks, &generation->stack_count,
                                        &generation->stack_capacity, sizeof *entry);
        if (entry == NULL)
            return -ENOMEM;
        *entry = (struct stack_entry){ id, at, count, end };
        for (uint64_t i = 0; i < 4 * count; i++)
            if (!get(&at, end, &value))
                return broken(file, batch->begin, "a stack is cut off");
    }
    return 1;
}

static int read_samples(struct trace_file *file, const struct batch *batch, struct generation *generation)
{
    const uint8_t *at = batch->payload + 1, *end = batch->payload + batch->count;
    while (at < end) {
        struct trace_sample *sample = add((void **)&generation->samples, &generation->sample_count,
                                          &generation->sample_capacity, sizeof *sample);
        if (sample == NULL)
            return -ENOMEM;
        if (*at++ != SAMPLE || !get(&at, end, &sample->time) || !get(&at, end, &sample->thread) ||
            !get(&at, end, &sample->proc) || !get(&at, end, &sample->goroutine) || !get(&at, end, &sample->stack))
            return broken(file, batch->begin, "a CPU sample is broken");
    }
    return 1;
}

static int read_events(struct trace_file *file, const struct batch *batch, struct generation *generation)
{
    const uint8_t *at = batch->payload, *end = batch->payload + batch->count;
    uint64_t time = batch->base, passed;
    while (at < end) {
        struct trace_event *event = add((void **)&generation->events, &generation->count, &generation->capacity, sizeof *event);
        if (event == NULL)
            return -ENOMEM;
        *event = (struct trace_event){ .kind = *at++, .thread = batch->thread };
        if (event->kind >= KINDS || argument_counts[event->kind] == 0xff || !get(&at, end, &passed))
            return broken(file, batch->begin, "an event of no known kind");
        time += passed;
        event->time = time;
        for (int i = 0; i < argument_counts[event->kind]; i++)
            if (!get(&at, end, &event->arguments[i]))
                return broken(file, batch->begin, "an event is cut off");
    }
    return 1;
}

static int read_sync(struct trace_file *file, const struct batch *batch, struct generation *generation)
{
    const uint8_t *at = batch->payload, *end = batch->payload + batch->count;
    at += *at == SYNC;
    if (at >= end || *at++ != FREQUENCY || !get(&at, end, &generation->frequency) || generation->frequency == 0)
        return broken(file, batch->begin, "a generation without a clock");
    return 1;
}

static int read_batch(struct trace_file *file, const struct batch *batch, struct generation *generation)
{
    if (batch->count == 0)
        return 1;
    switch (batch->payload[0]) {
    case STACKS: return read_stacks(file, batch, generation);
    case STRINGS: return read_strings(file, batch, generation);
    case SAMPLES: return read_samples(file, batch, generation);
    case FREQUENCY:
    case SYNC: return read_sync(file, batch, generation);
    default: return read_events(file, batch, generation);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct trace_event *left = a, *right = b;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    return left < right ? -1 : left > right; /* of a thread's as they are written: qsort of glibc is stable */
}

static int by_string_id(const void *a, const void *b)
{
    uint64_t left = ((const struct string_entry *)a)->id, right = ((const struct string_entry *)b)->id;
    return left < right ? -1 : left > right;
}

static int by_stack_id(const void *a, const void *b)
{
    uint64_t left = ((const struct stack_entry *)a)->id, right = ((const struct stack_entry *)b)->id;
    return left < right ? -1 : left > right;
}

static void sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    if (count > 1)
        qsort(items, count, size, compare);
}

int trace_next_generation(struct trace_file *file, size_t *at, struct generation *generation)
{
    struct batch batch;
    size_t next = *at;
    *generation = (struct generation){ .frequency = 1000000000 };
    int result = trace_next_batch(file, &next, &batch);
    if (result <= 0)
        return result;
    generation->number = batch.generation;
    generation->begin = batch.begin;
    while (result == 1 && batch.generation == generation->number) {
        generation->end = batch.end;
        *at = next;
        result = read_batch(file, &batch, generation);
        if (result == 1)
            result = trace_next_batch(file, &next, &batch);
    }
    if (result < 0) {
        generation_free(generation);
        return result;
    }
    sort(generation->events, generation->count, sizeof *generation->events, by_time);
    sort(generation->strings, generation->string_count, sizeof *generation->strings, by_string_id);
    sort(generation->stacks, generation->stack_count, sizeof *generation->stacks, by_stack_id);
    if (order_events(generation) != 0) {
        generation_free(generation);
        return -ENOMEM;
    }
    return 1;
}

void generation_free(struct generation *generation)
{
    free(generation->events);
    free(generation->samples);
    free(generation->strings);
    free(generation->stacks);
    generation->events = NULL;
    generation->samples = NULL;
    generation->strings = NULL;
    generation->stacks = NULL;
}

const struct string_entry *generation_string(const struct generation *generation, uint64_t id)
{
    static const struct string_entry none = { 0, "", 0 };
    struct string_entry key = { .id = id };
    const struct string_entry *found = NULL;
    if (generation->string_count > 0)
        found = bsearch(&key, generation->strings, generation->string_count, sizeof key, by_string_id);
    return found != NULL ? found : &none;
}

bool generation_frame(const struct generation *generation, uint64_t stack, size_t index, struct trace_frame *frame)
{
    struct stack_entry key = { .id = stack };
    const struct stack_entry *found = NULL;
    uint64_t function = 0, file = 0;
    if (generation->stack_count > 0)
        found = bsearch(&key, generation->stacks, generation->stack_count, sizeof key, by_stack_id);
    if (found == NULL || index >= found->count)
        return false;
    const uint8_t *at = found->frames;
    for (size_t i = 0; i <= index; i++)
        if (!get(&at, found->end, &frame->pc) || !get(&at, found->end, &function) || !get(&at, found->end, &file) ||
            !get(&at, found->end, &frame->line))
            return false;
    const struct string_entry *name = generation_string(generation, function), *path = generation_string(generation, file);
    frame->function = name->text;
    frame->function_length = (uint32_t)name->length;
    frame->file = path->text;
    frame->file_length = (uint32_t)path->length;
    return true;
}
