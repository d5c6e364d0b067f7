/* SPDX-License-Identifier: MIT */
/*
 * trace.h: what the parts of the trace's thread share: trace.c (the thread, generations, and how it is asked), stream.c (a trace
 * that is written as it goes) and flight.c (flight recorders). Nobody else includes it.
 *
 * All functions are the thread's, but where something else is said.
 */
#ifndef RUNG_TRACE_H
#define RUNG_TRACE_H

#include <errno.h>
#include <pthread.h>

#include "sched/event.h"
#include "sched/wire.h"
#include <rung_debug.h>

#define TRACE_MEMORY_DEFAULT ((size_t)64 << 20)
#define TRACE_MEMORY_LEAST   ((size_t)1 << 20)
enum { TRACE_PATH_BYTES = 4096 };

/* librung-debug's, where that is linked. */
extern rung_symbolizer rung_symbolize __attribute__((__weak__));

/* ---- what fills up with buffers: a list by number, as event_take_full gives them ---- */

struct buffers {
    uint32_t first, last; /* plus 1 */
    uint32_t count;
};

void buffers_free(struct buffers *list);
/* Finds out what all pcs in there mean. */
void buffers_learn(const struct buffers *list, struct wire *wire);
/* Writes the generation that they are of. */
void buffers_write(const struct buffers *list, struct wire *wire, const struct trace_generation *info);

/* ---- generations ---- */

/* Of a generation: the last one that was used. */
extern uint32_t trace_last_number;

struct trace_generation trace_generation_of_now(uint32_t number);
/* When the one that is on has begun. */
int64_t trace_begin_ns(void);
/* Ends it, and goes on with the next, or not. What is over goes to stream_take and flight_take. */
void trace_turn(bool is_last);
/* How many use the thread: the trace, and each recorder. */
uint32_t trace_users(void);

/* ---- asking the thread, from another ---- */

/* Of one call, which waits until it is answered. */
struct trace_request {
    int (*answer)(struct trace_request *request); /* the thread calls it; its value is the call's */
    const rung_trace_options *options;
    struct rung_flight *flight;
    rung_trace_sink *write;
    void *arg;
    int result;
    struct note done;
};

/* Lets one call at a time in: 0, and trace_leave has to follow; or an error. */
int trace_enter(void);
/* The same, where a run has to be on. */
int trace_enter_run(void);
void trace_leave(void);
/* Between these: whether there is a thread; starts one, which has a first user yet to come; asks it. */
bool trace_has_thread(void);
int trace_thread_start(size_t memory, const char *path, rung_symbolizer *symbolize);
/* Without a user after that, the thread has ended. */
int trace_ask(struct trace_request request);
int trace_check_sampling(int hz);
/* Any thread. An option's path is copied, and the option led there, if it is not NULL. 0, -ENAMETOOLONG. */
int trace_keep_path(const char **path, char copy[TRACE_PATH_BYTES]);
/* A snapshot or the like is wanted soon. Async-signal-safe. */
void trace_wake(void);

/* ---- stream.c ---- */

/* Under control: it was started, and not yet stopped. */
bool stream_is_open(void);
/* A generation that is over; if it is not whole, the file ends, and another begins. */
void stream_take(const struct trace_generation *info, const struct buffers *buffers, bool is_whole);
/* Pcs may mean something else in the next generation: something was loaded, or unloaded. */
void stream_forget(void);
/* The thread ends. */
void stream_end(void);
/* What it asks for, and *generation_ns if it wants them shorter. */
int stream_sample_hz(void);
void stream_limit(int64_t *generation_ns);
/* Under control. */
int stream_start_locked(const rung_trace_options *options);
int stream_stop_locked(void);

/* ---- flight.c ---- */

/* As the thread starts, on its starter's, and as it ends. 0 or -ENOMEM. */
int flight_open(rung_symbolizer *symbolize);
void flight_close(void);
/* How many recorders there are. */
uint32_t flight_count(void);
/* A whole generation that is over: whether it is kept. Else nothing is that was before. */
bool flight_take(const struct trace_generation *info, const struct buffers *buffers, bool is_whole);
/* After a turn: what nobody wants any more is forgotten. */
void flight_forget(void);
/* The most that they ask for; and where they want less than that: how long generations are, how many buffers those fill. */
int flight_sample_hz(void);
void flight_limit(int64_t *generation_ns, uint32_t *buffers);
/* Some recorder has come or gone. */
void flight_set_region_limit(void);
/* All that are to be saved when something happens are saved; if something has. */
void flight_dump_all(void);
void flight_dump_triggered(void);
/* Under control. */
int flight_start_locked(struct rung_flight **flight, const rung_flight_options *options);
void flight_stop_all_locked(void);

#endif
