/* SPDX-License-Identifier: MIT */
/*
 * trace.c: the trace's own thread: ends one generation after the other, and gives each to whom it is for.
 *
 * The thread lives as long as it has a user: a trace that is written as it goes (stream.c), or flight recorders (flight.c).
 * Each generation goes through trace_turn:
 *
 *   it is over (after a while, or when it has filled its share of the memory)  ->  whole?
 *     to the trace: written     to the ring, if there is a recorder: kept, and the oldest that nobody wants are freed
 *
 * Between turns the thread sleeps: whoever fills the share's last buffer wakes it (event_alarm), and so does who asks.
 *
 * Calls are like those of libc: they block their thread, in user code. `control` lets one at a time in; it puts what it wants
 * into `request`, and the thread does it.
 *
 * Rejected: a goroutine as the writer (it would trace itself, and stand still with the program that is looked at).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/setting.h"
#include "machine/object.h"
#include "sched/park.h"
#include "sched/trace.h"

enum { THREAD_STACK = 512 * 1024, SAMPLE_HZ_MOST = 1000, WORTH_BUFFERS = 6 };
#define LOOK_NS       RUNG_MILLISECONDS(10) /* how often the thread looks at what nobody wakes it for */
#define SAVE_NS       RUNG_SECONDS(1)

/* The thread's, but where something else is said. Who has asked it for something may look while it waits for that. */
static struct {
    pthread_mutex_t control;
    uint32_t users;              /* the thread's */
    int sample_hz;               /* the most that any of them asks for */

    struct buffers full, next;   /* of the generation that is on, and of the one after it */
    struct trace_generation info; /* the one that is on */

    struct trace_request *request; /* atomic: what is to be done next */
    bool has_thread;             /* under control */
    uint32_t objects;            /* the object_generation that is told of in the head */
    uint32_t is_on;              /* atomic: the thread lives */
    uint32_t wants_save;         /* atomic: the process is about to die */
    struct note started, wake, saved, done;
    uint32_t runs;               /* traced by RUNG_TRACE */
} trace = { .control = PTHREAD_MUTEX_INITIALIZER };

uint32_t trace_last_number;

uint32_t trace_threads(void)
{
    return atomic_load_relaxed(&trace.is_on);
}

uint32_t trace_users(void)
{
    return trace.users;
}

int64_t trace_begin_ns(void)
{
    return trace.info.mono_ns;
}

/* ---- lists of buffers ---- */

static void list_add(struct buffers *list, uint32_t number)
{
    atomic_store_relaxed(&event_buffer(number - 1)->next, 0);
    if (list->last != 0)
        atomic_store_relaxed(&event_buffer(list->last - 1)->next, number);
    else
        list->first = number;
    list->last = number;
    list->count++;
}

static void take_full(void)
{
    uint32_t number = event_take_full();
    while (number != 0) {
        struct trace_buffer *buffer = event_buffer(number - 1);
        uint32_t next = atomic_load_relaxed(&buffer->next);
        list_add(buffer->generation == trace.info.number ? &trace.full : &trace.next, number);
        number = next;
    }
}

void buffers_free(struct buffers *list)
{
    uint32_t number = list->first;
    while (number != 0) {
        struct trace_buffer *buffer = event_buffer(number - 1);
        number = atomic_load_relaxed(&buffer->next);
        event_buffer_free(buffer);
    }
    *list = (struct buffers){ 0, 0, 0 };
}

static void for_each(const struct buffers *list, enum trace_kind kind, struct wire *wire,
                     void (*visit)(struct wire *wire, const struct trace_buffer *buffer))
{
    for (uint32_t number = list->first; number != 0;) {
        struct trace_buffer *buffer = event_buffer(number - 1);
        if (buffer->kind == kind)
            visit(wire, buffer);
        number = atomic_load_relaxed(&buffer->next);
    }
}

void buffers_learn(const struct buffers *list, struct wire *wire)
{
    for_each(list, TRACE_TABLES, wire, wire_learn);
    for_each(list, TRACE_SAMPLES, wire, wire_learn);
}

/* All names are found out first: for want of memory nothing is begun that could not be ended. */
void buffers_write(const struct buffers *list, struct wire *wire, const struct trace_generation *info)
{
    buffers_learn(list, wire);
    if (wire_error(wire) != 0)
        return;
    wire_begin(wire, info);
    wire_modules(wire, event_head()->modules);
    for_each(list, TRACE_TABLES, wire, wire_table);
    for_each(list, TRACE_SAMPLES, wire, wire_samples);
    wire_tables_end(wire);
    for_each(list, TRACE_EVENTS, wire, wire_events);
    wire_flush(wire);
}

/* ---- generations ---- */

/* Whether that has changed. */
static bool note_modules(void)
{
    (void)object_refresh(); /* if there are too many objects, the rest have no names */
    uint32_t objects = object_generation();
    bool has_changed = objects != trace.objects;
    if (has_changed)
        modules_write(event_head()->modules, TRACE_MODULES);
    trace.objects = objects;
    return has_changed;
}

struct trace_generation trace_generation_of_now(uint32_t number)
{
    struct trace_generation info = { .number = number, .state = TRACE_ON, .begin = event_now(), .mono_ns = os_now() };
    os_wall_clock(&info.wall_s, &info.wall_ns);
    return info;
}

/* 0 and the last one mean something else. Behind the last but one is 1, which no reader takes for its successor: see trace_turn. */
static uint32_t number_after(uint32_t number)
{
    return number < UINT32_MAX - 1 ? number + 1 : 1;
}

/* It stands in the head before anything is written into it. */
static void begin_generation(uint32_t number)
{
    trace.info = trace_generation_of_now(number);
    event_head()->generations[number % TRACE_GENERATIONS] = trace.info;
}

/* What is over goes where it is wanted. */
static void finish_generation(const struct trace_generation *info, struct buffers *buffers, bool is_whole)
{
    event_head()->generations[info->number % TRACE_GENERATIONS].state = is_whole ? TRACE_WHOLE : TRACE_LOSSY;
    stream_take(info, buffers, is_whole);
    if (!flight_take(info, buffers, is_whole))
        buffers_free(buffers);
    flight_forget();
}

void trace_turn(bool is_last)
{
    struct trace_generation over = trace.info;
    struct trace_generation next = { .number = over.number, .mono_ns = over.mono_ns };
    if (!is_last) {
        begin_generation(number_after(over.number));
        next = trace.info;
        trace.info = over;
    }
    event_turn(is_last ? 0 : next.number);
    take_full();
    trace.info = next;
    struct buffers buffers = trace.full;
    trace.full = trace.next;
    trace.next = (struct buffers){ 0, 0, 0 };
    trace_last_number = next.number;
    bool has_changed = note_modules();
    finish_generation(&over, &buffers, event_lost(over.number) == 0 && next.number >= over.number);
    if (has_changed)
        stream_forget(); /* not before: of what was unloaded in it the generation knows the names from the one before */
}

/* ---- the thread ---- */

static void count_users(void)
{
    int stream = stream_sample_hz(), flight = flight_sample_hz();
    trace.users = stream_is_open() + flight_count();
    trace.sample_hz = stream > flight ? stream : flight;
    flight_set_region_limit();
}

/* How many buffers the generation that is on may fill; and until when it may last. */
static uint32_t buffers_most(int64_t *until)
{
    int64_t generation_ns = INT64_MAX;
    uint32_t buffers = event_buffers() / 4;
    stream_limit(&generation_ns);
    flight_limit(&generation_ns, &buffers);
    *until = time_after(trace_begin_ns(), generation_ns);
    return buffers;
}

static void set_alarm(void)
{
    int64_t until;
    event_alarm(&trace.wake, buffers_most(&until));
}

/* Whether the next generation's shorter events are worth its beginning: it names every goroutine. */
static bool is_better_ended(void)
{
    return event_has_long_numbers() && trace.full.count >= WORTH_BUFFERS + g_count() / (TRACE_BUFFER / 256);
}

/* Mostly it sleeps until then: each look takes the processor from somebody. But nobody says that a new m is to be sampled. */
static int64_t next_look(void)
{
    int64_t until, look = time_after(os_now(), LOOK_NS);
    (void)buffers_most(&until);
    bool must_look = trace.sample_hz != 0 || event_has_long_numbers();
    return must_look && look < until ? look : until;
}

/* Whether there was one. */
static bool answer_request(void)
{
    struct trace_request *request = atomic_load_acquire(&trace.request); /* acquire: pairs with trace_ask */
    if (request == NULL)
        return false;
    request->result = request->answer(request);
    count_users();
    set_alarm();
    atomic_store_relaxed(&trace.request, NULL);
    note_wake(&request->done);
    return true;
}

/* Whatever is kept goes to its file. */
static void save(void)
{
    trace_turn(false);
    flight_dump_all();
    note_wake(&trace.saved);
}

static void turn_if_over(void)
{
    int64_t until;
    uint32_t buffers = buffers_most(&until);
    take_full();
    if (os_now() >= until || event_filled() >= buffers || event_has_full_table() || is_better_ended())
        trace_turn(false);
}

static void run_until_end(void)
{
    bool has_begun = false; /* whoever started the thread has a request yet to come */
    while (!has_begun || trace.users > 0) {
        note_sleep(&trace.wake, next_look());
        note_take(&trace.wake);
        if (atomic_swap_acq_rel(&trace.wants_save, 0)) /* pairs with trace_save */
            save();
        turn_if_over();
        flight_dump_triggered();
        has_begun |= answer_request();
        sample_threads((uint32_t)trace.sample_hz);
    }
}

static void trace_main(void *arg)
{
    (void)arg;
    begin_generation(number_after(number_after(trace_last_number)));
    trace_last_number = trace.info.number;
    trace.objects = 0;
    (void)note_modules();
    set_alarm();
    event_begin(trace.info.number);
    note_wake(&trace.started);
    run_until_end();
    sample_threads(0);
    if (trace.info.state != 0)
        trace_turn(true);
    stream_end();
    event_end();
    flight_close();
    buffers_free(&trace.full);
    event_pool_close();
    atomic_store_release(&trace.is_on, 0); /* release: pairs with wait_for_end */
    note_wake(&trace.done);
}

/* ---- asking it; control held ---- */

bool trace_has_thread(void)
{
    return trace.has_thread;
}

int trace_thread_start(size_t memory, const char *path, rung_symbolizer *symbolize)
{
    int error = event_pool_open(memory, path);
    if (error != 0)
        return error;
    trace.full = trace.next = (struct buffers){ 0, 0, 0 };
    trace.users = 0;
    note_clear(&trace.started);
    note_clear(&trace.wake);
    note_clear(&trace.done);
    error = flight_open(symbolize);
    bool is_flight_open = error == 0;
    atomic_store_relaxed(&trace.is_on, 1); /* before there is a thread that could be counted */
    if (error == 0)
        error = os_thread_start_masked(trace_main, NULL, THREAD_STACK); /* a pipe that nobody reads, and a file's limit, are errors to it */
    if (error != 0) {
        atomic_store_relaxed(&trace.is_on, 0);
        if (is_flight_open)
            flight_close();
        event_pool_close();
        return error;
    }
    note_sleep(&trace.started, INT64_MAX);
    trace.has_thread = true;
    return 0;
}

/* After the last user has gone the thread ends. */
static void wait_for_end(void)
{
    if (stream_is_open() || flight_count() > 0)
        return;
    note_sleep(&trace.done, INT64_MAX);
    (void)atomic_load_acquire(&trace.is_on); /* acquire: pairs with trace_main */
    trace.has_thread = false;
}

int trace_ask(struct trace_request request)
{
    note_clear(&request.done);
    atomic_store_release(&trace.request, &request); /* release: pairs with answer_request */
    note_wake(&trace.wake);
    note_sleep(&request.done, INT64_MAX);
    wait_for_end();
    return request.result;
}

void trace_wake(void)
{
    note_wake(&trace.wake);
}

int trace_enter(void)
{
    if (sched.is_forked)
        return -ENOTRECOVERABLE;
    pthread_mutex_lock(&trace.control);
    return 0;
}

int trace_enter_run(void)
{
    if (!atomic_load_relaxed(&sched.is_running))
        return sched.is_forked ? -ENOTRECOVERABLE : -ESRCH;
    pthread_mutex_lock(&trace.control);
    if (atomic_load_relaxed(&sched.is_running))
        return 0;
    pthread_mutex_unlock(&trace.control);
    return -ESRCH;
}

void trace_leave(void)
{
    pthread_mutex_unlock(&trace.control);
}

int trace_check_sampling(int hz)
{
    return hz < 0 || hz > SAMPLE_HZ_MOST ? -EINVAL : hz > 0 ? sample_prepare() : 0;
}

int trace_keep_path(const char **path, char copy[TRACE_PATH_BYTES])
{
    size_t bytes = *path != NULL ? strlen(*path) + 1 : 0;
    if (bytes > TRACE_PATH_BYTES)
        return -ENAMETOOLONG;
    if (bytes > 0)
        *path = memcpy(copy, *path, bytes);
    return 0;
}

/* ---- the environment's ---- */

static void stop_at_exit(void)
{
    if (!sched.is_forked)
        trace_run_end();
}

/* FILE, FILE.2, ...; and .PID, if another process writes that: a child of it, perhaps, that has the same environment. */
static const char *numbered(const char *path, char *text, size_t bytes, bool is_taken)
{
    char run[16] = "", process[16] = "";
    if (trace.runs > 1)
        snprintf(run, sizeof run, ".%u", trace.runs);
    if (is_taken)
        snprintf(process, sizeof process, ".%d", os_process_id());
    snprintf(text, bytes, "%s%s%s", path, run, process);
    return text;
}

static int sample_setting(void)
{
    uint64_t hz = setting_number("RUNG_TRACE_CPU");
    return hz < SAMPLE_HZ_MOST ? (int)hz : SAMPLE_HZ_MOST;
}

static bool is_set(const char *value)
{
    return value != NULL && value[0] != '\0';
}

static void begin_flight(const char *file)
{
    static rung_flight *flight;
    char text[TRACE_PATH_BYTES];
    rung_flight_options options = { .file = numbered(file, text, sizeof text, false), .sample_hz = sample_setting() };
    options.memory = setting_size("RUNG_FLIGHT_MEMORY", TRACE_MEMORY_LEAST, (uint64_t)1 << 40);
    int error = flight_start_locked(&flight, &options);
    if (error == -EBUSY) {
        options.file = numbered(file, text, sizeof text, true);
        error = flight_start_locked(&flight, &options);
    }
    if (error != 0)
        warn("no flight recorder in %s (error %d)", options.file, -error);
}

static void begin_stream(const char *path)
{
    char text[TRACE_PATH_BYTES];
    rung_trace_options options = { .path = numbered(path, text, sizeof text, false), .sample_hz = sample_setting() };
    uint64_t every = setting_number("RUNG_TRACE_EVERY");
    options.generation_ns = every < INT64_MAX / 1000000 ? (int64_t)every * 1000000 : INT64_MAX;
    int error = stream_start_locked(&options);
    if (error == -EBUSY) {
        options.path = numbered(path, text, sizeof text, true);
        error = stream_start_locked(&options);
    }
    if (error != 0)
        warn("no trace in %s (error %d)", options.path, -error);
}

void trace_run_begin(void)
{
    static bool is_registered; /* under run_lock */
    const char *path = getenv("RUNG_TRACE"), *file = getenv("RUNG_FLIGHT");
    if (!is_set(path) && !is_set(file))
        return;
    if (!is_registered)
        is_registered = atexit(stop_at_exit) == 0;
    trace.runs++;
    pthread_mutex_lock(&trace.control);
    if (is_set(file))
        begin_flight(file);
    if (is_set(path))
        begin_stream(path);
    trace_leave();
}

/* Whatever is still on. */
void trace_run_end(void)
{
    pthread_mutex_lock(&trace.control);
    int error = stream_stop_locked();
    flight_stop_all_locked();
    trace_leave();
    if (error != 0 && error != -ESRCH)
        warn("the trace is not whole (error %d)", -error);
}

void trace_stand_aside(void)
{
    struct m *m = machine_m();
    if (m != NULL && atomic_load_relaxed(&trace.is_on))
        atomic_store_release(&m->in_runtime, 0); /* release: pairs with is_away */
}

/*
 * The caller's thread may hold locks of the runtime, and others be stuck behind it: then the trace's thread cannot turn, and
 * the file ends with the last generation.
 */
void trace_save(bool dies)
{
    if (!atomic_load_relaxed(&trace.is_on) || sched.is_forked) /* its parent has the trace's thread */
        return;
    if (dies)
        trace_stand_aside();
    note_clear(&trace.saved);
    atomic_store_release(&trace.wants_save, 1); /* release: pairs with run_until_end */
    note_wake(&trace.wake);
    note_sleep(&trace.saved, time_after(os_now(), SAVE_NS));
}
