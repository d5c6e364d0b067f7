/* SPDX-License-Identifier: MIT */
/*
 * reader.h: a trace file, read: its batches, events, strings and stacks. It may hold anything: what is broken is said, with
 * the place, and never followed.
 */
#ifndef RUNG_READER_H
#define RUNG_READER_H

#include "base/base.h"

struct trace_file {
    const uint8_t *bytes;
    size_t count;
    int version;
    char error[160]; /* why reading ended before the end; "" while it has not */
};

struct batch {
    uint64_t generation, thread, base;
    const uint8_t *payload;
    size_t count;
    size_t begin, end; /* in the file, head included */
};

/* The kinds of events that the command looks into; the numbers are the format's. */
enum event_kind {
    KIND_GO_CREATE = 14,
    KIND_GO_CREATE_SYSCALL,
    KIND_GO_START,
    KIND_GO_DESTROY,
    KIND_GO_DESTROY_SYSCALL,
    KIND_GO_STOP,
    KIND_GO_BLOCK,
    KIND_GO_UNBLOCK,
    KIND_SYSCALL_BEGIN,
    KIND_SYSCALL_END,
    KIND_SYSCALL_END_BLOCKED,
    KIND_GO_STATUS,
    KIND_GO_SWITCH = 45,
    KIND_GO_SWITCH_DESTROY,
    KIND_GO_CREATE_BLOCKED,
    KIND_GO_STATUS_STACK,
    KINDS = 52,
};

struct trace_event {
    uint8_t kind;
    uint64_t time; /* ticks */
    uint64_t thread;
    uint64_t arguments[5];
};

/* Of the CPU: where a thread was whenever it had used so much time. */
struct trace_sample {
    uint64_t time; /* ticks */
    uint64_t thread, proc, goroutine, stack;
};

struct trace_frame {
    uint64_t pc;
    const char *function, *file; /* of `bytes`, not ended by zero: their lengths follow */
    uint32_t function_length, file_length;
    uint64_t line;
};

/* A generation, whole: its events as they can have happened (order.h), samples, and tables. */
struct generation {
    uint64_t number, frequency;
    size_t begin, end; /* in the file */
    struct trace_event *events;
    size_t count, capacity;
    struct trace_sample *samples;
    size_t sample_count, sample_capacity;
    struct string_entry *strings;
    size_t string_count, string_capacity;
    struct stack_entry *stacks;
    size_t stack_count, stack_capacity;
};

struct string_entry {
    uint64_t id;
    const char *text;
    size_t length;
};

struct stack_entry {
    uint64_t id;
    const uint8_t *frames; /* varints: pc, function, file, line */
    size_t count;
    const uint8_t *end;
};

/* Maps the file. 0 or -errno; -EINVAL with `error` for what is no trace. */
int trace_file_open(struct trace_file *file, const char *path);
void trace_file_close(struct trace_file *file);

/* The batch at *at, which is moved on. 1; 0 at the end; -1: it is broken there. */
int trace_next_batch(struct trace_file *file, size_t *at, struct batch *batch);

/* Reads the generation at *at, and moves that on. 1, 0, -1 as above; -ENOMEM. Freed by generation_free. */
int trace_next_generation(struct trace_file *file, size_t *at, struct generation *generation);
void generation_free(struct generation *generation);

const struct string_entry *generation_string(const struct generation *generation, uint64_t id);
/* Frame `index` of a stack, leaf first. False behind the last. */
bool generation_frame(const struct generation *generation, uint64_t stack, size_t index, struct trace_frame *frame);

const char *trace_kind_name(int kind);

#endif
