/* SPDX-License-Identifier: MIT */
/*
 * flight.c: flight recorders, which keep the last generations in memory until somebody wants to have them.
 *
 * The ring holds what the most demanding recorder wants, by age and by size; each one's snapshot is of its share. Only
 * generations that are whole are kept, and without a gap: where one is lost, all before it is forgotten, since a reader takes
 * states over from each to the next. Names are found out as generations end, so that a snapshot need only write: nobody is stopped
 * for it, and who records goes on in the generation that has begun.
 *
 * A snapshot is taken by a call, or where a recorder has a path for that (options.dump) by a trigger: rung_flight_trigger, which
 * a signal's handler may call, a region that took too long, or the process's death by a panic, a deadlock or an
 * overflow (trace_save).
 *
 * The memory may be a file that is mapped: then it is there after the process's end, by whatever signal. What is in it is told
 * by its head (event.h), and read by `rung trace salvage`.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/os.h"
#include "base/panic.h"
#include "sched/park.h"
#include "sched/trace.h"

enum { FLIGHTS = 8, SHARES = 8 /* a generation is at most this part of what a recorder keeps */ };
enum { BY_CALL = 1, BY_REGION = 2 }; /* what triggers */
enum { REGION_DUMPS = 100 };         /* so that a service that has become slow does not fill the disk */
#define FLIGHT_DEFAULT ((size_t)10 << 20)
#define FLIGHT_AGE_NS  RUNG_SECONDS(10)

/* A generation that is over, in the ring. */
struct held {
    struct trace_generation info;
    struct buffers buffers;
    struct held *next;
};

struct rung_flight {
    rung_flight_options options;
    char dump_path[TRACE_PATH_BYTES]; /* options.dump, which the caller need not keep */
    bool is_used;
    uint32_t dumps; /* written by triggers */
};

/* The trace's thread's; who has control may look at them. */
static struct rung_flight flights[FLIGHTS];

static struct {
    struct held *oldest, *newest;
    uint32_t buffers;
    struct wire *names;     /* of the snapshots */
} ring;

static uint32_t triggered;    /* atomic: by what, since the thread has looked */
static uint32_t region_dumps; /* the thread's: since a recorder was started */
static int64_t region_limit = INT64_MAX; /* atomic: the least of the recorders'; INT64_MAX: none */

/* ---- the ring ---- */

static struct held *take_oldest(void)
{
    struct held *held = ring.oldest;
    ring.oldest = held->next;
    if (ring.oldest == NULL)
        ring.newest = NULL;
    ring.buffers -= held->buffers.count;
    return held;
}

static void drop_oldest(void)
{
    struct held *held = take_oldest();
    event_head()->generations[held->info.number % TRACE_GENERATIONS].state = 0;
    buffers_free(&held->buffers);
    free(held);
}

/* Whether some recorder may want a generation that ended then, before so many buffers of newer ones. */
static bool is_wanted(int64_t end_ns, uint32_t newer)
{
    for (int i = 0; i < FLIGHTS; i++) {
        const struct rung_flight *flight = &flights[i];
        if (flight->is_used && (size_t)newer * TRACE_BUFFER < flight->options.memory &&
            end_ns >= trace_begin_ns() - flight->options.age_ns)
            return true;
    }
    return false;
}

void flight_forget(void)
{
    while (ring.oldest != NULL) {
        struct held *held = ring.oldest;
        int64_t end = held->next != NULL ? held->next->info.mono_ns : trace_begin_ns();
        bool is_new = ring.newest->info.number - held->info.number < TRACE_GENERATIONS - 2;
        if (is_new && is_wanted(end, ring.buffers - held->buffers.count))
            break;
        drop_oldest();
    }
}

static void drop_all(void)
{
    while (ring.oldest != NULL)
        drop_oldest();
}

/* Takes the buffers over. False without memory: then what is kept must not have a gap. */
static bool hold(const struct trace_generation *info, const struct buffers *buffers)
{
    struct held *held = calloc(1, sizeof *held);
    if (held == NULL)
        return false;
    held->info = *info;
    held->buffers = *buffers;
    if (ring.newest != NULL)
        ring.newest->next = held;
    else
        ring.oldest = held;
    ring.newest = held;
    ring.buffers += buffers->count;
    buffers_learn(buffers, ring.names);
    return true;
}

bool flight_take(const struct trace_generation *info, const struct buffers *buffers, bool is_whole)
{
    bool is_held = is_whole && flight_count() > 0 && hold(info, buffers);
    if (!is_held)
        drop_all();
    return is_held;
}

int flight_open(rung_symbolizer *symbolize)
{
    ring.names = wire_open(NULL, NULL, symbolize, 25);
    return ring.names != NULL ? 0 : -ENOMEM;
}

/* The memory is about to go. Where that is a file it stays as it is, to be salvaged. */
void flight_close(void)
{
    while (ring.oldest != NULL)
        free(take_oldest());
    wire_close(ring.names);
}

/* ---- what they ask for ---- */

uint32_t flight_count(void)
{
    uint32_t count = 0;
    for (int i = 0; i < FLIGHTS; i++)
        count += flights[i].is_used;
    return count;
}

int flight_sample_hz(void)
{
    int hz = 0;
    for (int i = 0; i < FLIGHTS; i++)
        if (flights[i].is_used && flights[i].options.sample_hz > hz)
            hz = flights[i].options.sample_hz;
    return hz;
}

void flight_limit(int64_t *generation_ns, uint32_t *buffers)
{
    for (int i = 0; i < FLIGHTS; i++) {
        const rung_flight_options *options = &flights[i].options;
        if (!flights[i].is_used)
            continue;
        if (options->age_ns / SHARES < *generation_ns)
            *generation_ns = options->age_ns / SHARES;
        if (options->memory / TRACE_BUFFER / SHARES < *buffers)
            *buffers = (uint32_t)(options->memory / TRACE_BUFFER / SHARES);
    }
}

void flight_set_region_limit(void)
{
    int64_t limit = INT64_MAX;
    for (int i = 0; i < FLIGHTS; i++)
        if (flights[i].is_used && flights[i].options.region_limit_ns > 0 && flights[i].options.region_limit_ns < limit)
            limit = flights[i].options.region_limit_ns;
    atomic_store_relaxed(&region_limit, limit);
}

/* ---- snapshots ---- */

static int write_path(void *arg, const void *bytes, size_t count)
{
    return os_write_all(*(int *)arg, bytes, count);
}

/* All that this recorder keeps, as a file of its own. */
static int snapshot(const struct rung_flight *flight, rung_trace_sink *write, void *arg)
{
    trace_turn(false);
    const struct held *held = ring.oldest;
    uint32_t left = ring.buffers;
    while (held != NULL && held->next != NULL &&
           ((size_t)(left - held->buffers.count) * TRACE_BUFFER >= flight->options.memory ||
            held->next->info.mono_ns < trace_begin_ns() - flight->options.age_ns)) {
        left -= held->buffers.count;
        held = held->next;
    }
    if (held == NULL)
        return -ENOBUFS; /* what there was is not whole */
    wire_restart(ring.names, write, arg, 25);
    for (; held != NULL; held = held->next)
        buffers_write(&held->buffers, ring.names, &held->info);
    return wire_error(ring.names);
}

static void dump(struct rung_flight *flight)
{
    char path[TRACE_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s.%u", flight->options.dump, ++flight->dumps);
    int fd = os_create(path);
    int error = fd < 0 ? fd : snapshot(flight, write_path, &fd);
    if (error != 0 && fd >= 0)
        os_cut(fd, 0);
    if (fd >= 0)
        os_close(fd);
    if (error != 0)
        warn("no snapshot in %s (error %d)", path, -error);
}

void flight_dump_all(void)
{
    for (int i = 0; i < FLIGHTS; i++)
        if (flights[i].is_used && flights[i].options.dump != NULL)
            dump(&flights[i]);
}

void flight_dump_triggered(void)
{
    uint32_t by = atomic_swap_acq_rel(&triggered, 0); /* pairs with trigger */
    if (by == BY_REGION && region_dumps == REGION_DUMPS)
        return;
    if (by == BY_REGION && ++region_dumps == REGION_DUMPS)
        warn("regions have triggered %d snapshots, and trigger no more", REGION_DUMPS);
    if (by != 0)
        flight_dump_all();
}

static void trigger(uint32_t by)
{
    atomic_or_seq_cst(&triggered, by); /* pairs with flight_dump_triggered */
    trace_wake();
}

void rung_flight_trigger(void)
{
    trigger(BY_CALL);
}

void trace_region_took(int64_t ns)
{
    if (unlikely(ns > atomic_load_relaxed(&region_limit)))
        trigger(BY_REGION);
}

/* ---- on the thread, as it is asked ---- */

static int answer_start(struct trace_request *request)
{
    request->flight->is_used = true;
    region_dumps = 0;
    return 0;
}

/* What has happened up to here is kept, too, if the memory is a file. */
static int answer_stop(struct trace_request *request)
{
    if (trace_users() == 1)
        trace_turn(true);
    request->flight->is_used = false;
    return 0;
}

static int answer_snapshot(struct trace_request *request)
{
    return snapshot(request->flight, request->write, request->arg);
}

/* ---- the calls ---- */

static int check_flight(rung_flight_options *options)
{
    if (options->age_ns < 0 || options->region_limit_ns < 0 || (options->memory != 0 && options->memory < TRACE_MEMORY_LEAST))
        return -EINVAL;
    if (options->age_ns == 0)
        options->age_ns = FLIGHT_AGE_NS;
    if (options->memory == 0)
        options->memory = FLIGHT_DEFAULT;
    if (options->symbolize == NULL)
        options->symbolize = rung_symbolize;
    return trace_check_sampling(options->sample_hz);
}

/* Memory beside what is kept: for a generation that is written, one that is read, and what is not full. */
static int flight_memory(const rung_flight_options *options)
{
    size_t memory;
    if (__builtin_mul_overflow(options->memory, (size_t)2, &memory) || memory > SIZE_MAX - TRACE_MEMORY_DEFAULT)
        return -ENOMEM;
    memory = memory < TRACE_MEMORY_DEFAULT / 2 ? TRACE_MEMORY_DEFAULT / 2 : memory;
    if (!trace_has_thread())
        return trace_thread_start(memory, options->file, options->symbolize);
    if (options->file != NULL)
        return -EBUSY;
    return memory / 2 <= (size_t)event_buffers() * TRACE_BUFFER ? 0 : -ENOMEM;
}

int flight_start_locked(struct rung_flight **flight, const rung_flight_options *options)
{
    struct rung_flight *found = NULL;
    rung_flight_options checked = *options;
    int error = check_flight(&checked);
    for (int i = 0; i < FLIGHTS && found == NULL; i++)
        if (!flights[i].is_used)
            found = &flights[i];
    if (error == 0)
        error = found != NULL ? trace_keep_path(&checked.dump, found->dump_path) : -EAGAIN;
    if (error == 0)
        error = flight_memory(&checked);
    if (error != 0)
        return error;
    found->options = checked;
    found->dumps = 0;
    *flight = found;
    return trace_ask((struct trace_request){ .answer = answer_start, .flight = found });
}

/* The first comes last: the memory may be its file, and keeps what it wants. */
void flight_stop_all_locked(void)
{
    for (int i = FLIGHTS; i-- > 0;)
        if (trace_has_thread() && flights[i].is_used)
            trace_ask((struct trace_request){ .answer = answer_stop, .flight = &flights[i] });
}

int rung_flight_start(rung_flight **flight, const rung_flight_options *options)
{
    if (flight == NULL || options == NULL)
        return -EINVAL;
    int error = trace_enter_run();
    if (error != 0)
        return error;
    error = flight_start_locked(flight, options);
    trace_leave();
    return error;
}

static bool is_flight_locked(const struct rung_flight *flight)
{
    return trace_has_thread() && flight >= flights && flight < flights + FLIGHTS && flight->is_used;
}

static int with_flight(struct rung_flight *flight, struct trace_request request)
{
    int error = trace_enter();
    if (error != 0)
        return error;
    error = is_flight_locked(flight) ? trace_ask(request) : -EINVAL;
    trace_leave();
    return error;
}

int rung_flight_snapshot(rung_flight *flight, rung_trace_sink *write, void *arg)
{
    if (write == NULL)
        return -EINVAL;
    return with_flight(flight, (struct trace_request){ .answer = answer_snapshot, .flight = flight, .write = write, .arg = arg });
}

int rung_flight_save(rung_flight *flight, const char *path)
{
    if (path == NULL)
        return -EINVAL;
    int fd = os_create(path);
    if (fd < 0)
        return fd;
    int error = rung_flight_snapshot(flight, write_path, &fd);
    if (error != 0)
        os_cut(fd, 0);
    os_close(fd);
    return error;
}

int rung_flight_stop(rung_flight *flight)
{
    return with_flight(flight, (struct trace_request){ .answer = answer_stop, .flight = flight });
}
