/* SPDX-License-Identifier: MIT */
/*
 * event.h: what happens to goroutines and processors, written down as it happens. event.c has the protocol.
 *
 * The functions that tell of an event are called where is_traced() (sched.h), or m->is_special, says that it may be wanted,
 * before the change of state becomes visible to others, by the m that makes it.
 */
#ifndef RUNG_EVENT_H
#define RUNG_EVENT_H

#include "sched/sched.h"

/* ---- telling, on an m ---- */

/* The m of another thread than before: a plain thread's, which is not in all_ms; others come by themselves. */
void trace_register(struct m *m);
/* m's goroutine departs, straight for `next`, or NULL: by way of g0. */
void trace_depart(struct m *m, enum departure why, struct g *next);
/* On g0: m goes on with g. */
void trace_start(struct m *m, struct g *g);
/* g, which parks, was claimed by m. */
void trace_ready(struct m *m, struct g *g);
/*
 * The same of many on g0, in one section, and at one time, but for those that were claimed after another generation began: before
 * the first, gives back the generation; 0: nothing is to be told. Until the last m tells of nothing else.
 */
uint32_t trace_ready_begin(struct m *m);
void trace_ready_one(struct m *m, uint32_t generation, struct g *g);
/* m has made g; it runs first, in place of m's goroutine, or is queued. */
void trace_create(struct m *m, struct g *g, bool runs_first);
void trace_proc_start(struct m *m, struct p *p);
void trace_proc_stop(struct m *m, struct p *p);
/* sysmon takes p from m, m->take held; and has done so. */
void trace_taken(struct m *m, struct p *p);
void trace_taken_end(void);
/* m has noticed that, and g, which it ran, waits for another. */
void trace_taken_back(struct m *m, struct g *g);
void trace_blocking_begin(struct m *m);
void trace_blocking_end(struct m *m);

enum trace_user_event { TRACE_LABEL, TRACE_TASK_BEGIN, TRACE_TASK_END, TRACE_REGION_BEGIN, TRACE_REGION_END, TRACE_LOG };
/* What user code says of m's goroutine: numbers of tasks, and strings or NULL. */
void trace_user(struct m *m, enum trace_user_event what, uint64_t a, uint64_t b, const char *first, const char *second);

/* Between these m sleeps in the runtime: what it told of is done, and nothing that it could tell of is on its way. */
static always_inline void trace_sleep_begin(struct m *m)
{
    atomic_store_release(&m->is_asleep, true); /* release: pairs with is_away */
}

static always_inline void trace_sleep_end(struct m *m)
{
    atomic_store_relaxed(&m->is_asleep, false);
    fence_light(); /* pairs with make_special */
}

/* ---- what is written ---- */

enum {
    TRACE_BUFFER = 16 * 1024,    /* bytes, of which the head is some */
    TRACE_STRING_MOST = 1024,
    TRACE_NO_THREAD = 0,         /* a buffer's: what no thread wrote */
    TRACE_TICK_SHIFT = 6,        /* a tick is 64 ns of the monotonic time: most differences of times take one byte */
};

enum trace_kind { TRACE_EVENTS = 1, TRACE_TABLES, TRACE_SAMPLES };

/* In memory from event_pool_open's, in its lists and of one tracer's, or of a generation's that is over. */
struct trace_buffer {
    uint32_t kind;        /* enum trace_kind; 0: free */
    uint32_t generation;
    uint32_t used;        /* atomic: bytes that are whole; of the bytes below */
    uint32_t next;        /* atomic: number of the next in a list, plus 1 */
    uint64_t thread;
    uint64_t base, last;  /* ticks: of the batch, and of its last event */
    uint64_t order;       /* of those of a generation: as they were filled; UINT64_MAX: it is being filled */
    uint8_t bytes[];
};

/*
 * In a buffer of tables or samples, at multiples of 8: a stack of `count` pcs, a string of `count` bytes, or a sample: a
 * goroutine's number (0: none) and a stack, `count` words in all.
 */
struct trace_record {
    uint64_t hash;        /* of a sample: its time, in ticks */
    uint32_t id;          /* of a sample: the processor, or TRACE_NO_PROC */
    uint16_t kind;        /* enum trace_record_kind */
    uint16_t count;
    uint64_t words[];
};

/* TRACE_RECORDS: a stack that frame records alone lead through. */
enum trace_record_kind { TRACE_STACK = 1, TRACE_RECORDS, TRACE_STRING, TRACE_SAMPLE };
#define TRACE_NO_PROC UINT32_MAX

/* At the memory's start: what a file of it can be read by (rung trace salvage). */
#define TRACE_MAGIC "rungfl1"
enum { TRACE_HEAD = 64 * 1024, TRACE_GENERATIONS = 512, TRACE_MODULES = 32 * 1024 };
enum trace_generation_state { TRACE_ON = 1, TRACE_WHOLE, TRACE_LOSSY };

struct trace_generation {
    uint32_t number;
    uint32_t state;       /* atomic: enum trace_generation_state; 0: not used */
    uint64_t begin;       /* ticks */
    int64_t mono_ns, wall_s, wall_ns;
};

struct trace_head {
    char magic[8];
    uint32_t buffer_bytes, buffers;
    struct trace_generation generations[TRACE_GENERATIONS]; /* at number % TRACE_GENERATIONS */
    char modules[TRACE_MODULES]; /* lines: start, end, build id, path; see modules.c */
};

/* Strings with numbers of their own, the same in each generation: reasons, and what else is fixed. */
enum { TRACE_FIXED_STRINGS = 16 };
extern const char *const trace_fixed_strings[TRACE_FIXED_STRINGS];

/* ---- the control thread's side (trace.h) ---- */

/* Memory for buffers; with a path it is that file, made or made anew. 0, or -ENOMEM, or what the file's making gives. */
int event_pool_open(size_t bytes, const char *path);
struct trace_head *event_head(void);
void event_pool_close(void);
struct trace_buffer *event_buffer(uint32_t number);
/* Those that are full, in the order in which they were filled, linked by `next`: the number of the first, plus 1, or 0. */
uint32_t event_take_full(void);
void event_buffer_free(struct trace_buffer *buffer);

/* Everything is told of from now on, in this generation. 0, or -ENOMEM. */
void event_begin(uint32_t generation);
/* Ends the generation, and begins the next, or (0) nothing. What it wrote is in event_take_full. */
void event_turn(uint32_t next);
/* Every thread does without tracing again. */
void event_end(void);
/* Events of this generation that found no buffer, so that it is not whole; and counts them no longer. */
uint64_t event_lost(uint32_t generation);
/* The current time, in ticks. */
uint64_t event_now(void);

/* Whether events of this generation have become long: some goroutine has had very many. Wakes who sleeps on the note, too. */
bool event_has_long_numbers(void);
/* Whether there will soon be no room for different stacks and texts. Wakes as well. */
bool event_has_full_table(void);
/* Whoever fills this many buffers of a generation wakes who sleeps on the note. */
void event_alarm(struct note *note, uint32_t buffers);
/* How many that are by now. */
uint32_t event_filled(void);
/* How many buffers there are. */
uint32_t event_buffers(void);

/* ---- sample.c: on the trace's thread ---- */

/* Before there are samples. 0; -EBUSY: SIGPROF has a handler of the program's. */
int sample_prepare(void);
/* Each m that there is takes so many samples in a second of its CPU time; 0: none does. To be called now and then: ms come. */
void sample_threads(uint32_t hz);

/* ---- trace.c and modules.c ---- */

/* Tells of what is loaded, a line each: `start end build-id path`, in hexadecimal. The text ends with a zero. */
void modules_write(char *text, size_t capacity);

/* How many threads there are that write traces: for the deadlock check. */
uint32_t trace_threads(void);
/* As rung_run begins, and as it ends: RUNG_TRACE, and what is still on. */
void trace_run_begin(void);
void trace_run_end(void);
/*
 * What there is goes to the file, if that is possible within a second: the process is about to die, or may be, and then goes on
 * with its trace. Async-signal-safe.
 */
void trace_save(bool dies);
/* The caller's thread does not come back from where it is in the runtime: nobody shall wait for it. */
void trace_stand_aside(void);
/* A region has taken so long: whether that triggers a flight recorder. */
void trace_region_took(int64_t ns);

#endif
