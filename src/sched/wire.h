/* SPDX-License-Identifier: MIT */
/*
 * wire.h: a trace as bytes: Go's format v2, made of buffers that event.c has filled.
 *
 * Used by one thread, which may sleep, call malloc and read files.
 */
#ifndef RUNG_WIRE_H
#define RUNG_WIRE_H

#include "base/base.h"
#include <rung_debug.h>

/* A number as the format has it. How many bytes that took. */
size_t put_varint(uint8_t *at, uint64_t value);

/* What a string begins with that is a line of modules_write. */
#define WIRE_MODULE "rung module "

struct wire;
struct trace_buffer;
struct trace_generation;

/* Begins a trace for the readers of this version of Go. NULL without memory. */
struct wire *wire_open(rung_trace_sink *write, void *arg, rung_symbolizer *symbolize, int version);
/* Begins another file; what the last one's pcs mean is known already. */
void wire_restart(struct wire *wire, rung_trace_sink *write, void *arg, int version);
/* What pcs mean may have changed: each is asked for again. Between two generations. */
void wire_forget(struct wire *wire);
/* Finds out what the pcs of a table buffer mean. */
void wire_learn(struct wire *wire, const struct trace_buffer *buffer);

/*
 * Writes a whole generation: table buffers first (each may be freed after wire_tables), then those of events. The numbers of
 * generations in a file must be consecutive.
 */
void wire_begin(struct wire *wire, const struct trace_generation *generation);
void wire_table(struct wire *wire, const struct trace_buffer *buffer);
void wire_samples(struct wire *wire, const struct trace_buffer *buffer); /* their stacks go into the tables, too */
void wire_tables_end(struct wire *wire);
void wire_events(struct wire *wire, const struct trace_buffer *buffer);

/* What was loaded, as modules_write tells it: rung trace symbolize finds names by that. Before wire_tables_end. */
void wire_modules(struct wire *wire, const char *text);

/*
 * A generation of another trace, as it was but for what its pcs mean: batches that are no tables, strings, and
 * stacks. Numbers of strings that are not in that trace begin with `first_free`.
 */
void wire_begin_copy(struct wire *wire, uint32_t number, uint64_t begin, uint64_t first_free);
void wire_batch(struct wire *wire, const void *bytes, size_t count);
void wire_string(struct wire *wire, uint64_t id, const char *text, size_t bytes);
void wire_stack(struct wire *wire, uint64_t id, const uint64_t *pcs, size_t count);

/* Instead of all that, a generation that says but this, in a log. */
void wire_note(struct wire *wire, const struct trace_generation *generation, const char *text);

/* Whether no generation has been written yet. */
bool wire_is_empty(const struct wire *wire);
/* What is ready goes out. */
void wire_flush(struct wire *wire);
/* The first error of writing, or of memory, since the beginning; 0. */
int wire_error(const struct wire *wire);
/* Writes what is left, and frees it. The same. */
int wire_close(struct wire *wire);

#endif
