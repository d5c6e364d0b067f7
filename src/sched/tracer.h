/* SPDX-License-Identifier: MIT */
/*
 * tracer.h: what the parts of recording share: event.c (what is told, and the protocol), table.c (stacks and strings), sample.c, pool.c
 * (buffers) and turn.c (generations). Nobody else includes it.
 */
#ifndef RUNG_TRACER_H
#define RUNG_TRACER_H

#include "base/os.h"
#include "sched/event.h"
#include "sched/wire.h"

/* The format's numbers; reference/trace-format.md 4. */
enum event_type {
    EV_PROCS = 9,
    EV_PROC_START,
    EV_PROC_STOP,
    EV_PROC_STEAL,
    EV_PROC_STATUS,
    EV_GO_CREATE,
    EV_GO_START = 16,
    EV_GO_DESTROY,
    EV_GO_STOP = 19,
    EV_GO_BLOCK,
    EV_GO_UNBLOCK,
    EV_SYSCALL_BEGIN,
    EV_SYSCALL_END,
    EV_SYSCALL_END_BLOCKED,
    EV_GO_STATUS,
    EV_GO_LABEL = 39,
    EV_TASK_BEGIN,
    EV_TASK_END,
    EV_REGION_BEGIN,
    EV_REGION_END,
    EV_LOG,
    EV_GO_STATUS_STACK = 48,
};

enum { PROC_RUNNING = 1, PROC_IDLE, PROC_SYSCALL };
enum { GO_RUNNABLE = 1, GO_RUNNING, GO_SYSCALL, GO_WAITING };
#define NO_THREAD UINT64_MAX
#define NOTHING   UINT32_MAX /* a section's generation, where nothing is to be written */

enum {
    EVENT_MOST = 64,  /* bytes of the longest event, and of a departure with a start */
    NUMBERS_SHORT = 1 << 13, /* up to the double they take two bytes; that is the time to end the generation in */
    SLOTS = 1 << 14,  /* of a table of stacks and strings */
    SLOTS_USED_MOST = SLOTS / 4 * 3,
    SLOTS_USED_MANY = SLOTS / 2, /* the time to end the generation in */
    STRINGS_MOST = 1 << 19,      /* with those beside the table; wire.c has numbers from 1 << 20 on */
    BYTES = TRACE_BUFFER - (int)sizeof(struct trace_buffer),
    FIXED_GOSCHED = WAIT_REASONS,
    FIXED_PREEMPTED,
    FIXED_NO_ROOM, /* instead of a text for which the table has no room */
};

/* Stacks and strings of a generation, by hash; a record lies in a buffer of who put it in. */
struct table {
    struct trace_record *slots[SLOTS]; /* atomic; set once in a generation */
    uint32_t stacks, strings;          /* atomic: numbers given away */
};

struct tracing {
    uint32_t generation;        /* atomic: 0: nothing is written */
    uint32_t marked;            /* atomic; set before special: those alive as a trace begins were named in this one */
    uint16_t begun;             /* atomic; set before special: how many traces have */
    uint32_t procs_generation;  /* atomic: in which ProcsChange was written */
    struct tracer *tracers;     /* atomic: all that ever wrote */
    struct tracer sysmon, control;

    char *memory;               /* a head, buffers, and tables */
    size_t bytes;
    int file;                   /* that the memory is of, or -1 */
    uint32_t buffers;           /* how many there are */
    uint32_t fresh;             /* atomic: of which this many were ever used */
    uint64_t free;              /* atomic: number + 1 of the first, and above it a count against reuse */
    uint32_t full;              /* atomic: number + 1 of the last one filled */
    uint64_t order;             /* atomic */
    uint32_t filled, alarm_at;  /* atomic: buffers in this generation */
    uint32_t has_long_numbers;  /* atomic: see next_number; in this generation */
    uint32_t has_full_table;    /* atomic: will soon have; in this generation */
    struct note *alarm;         /* set before alarm_at */
    struct table *tables;       /* two, by parity */
    uint64_t lost[2];           /* atomic, by parity */
};

extern struct tracing tracing;

/* ---- pool.c ---- */

/* Another buffer in this place, for the tracer; NULL if there is none, and then something is lost. */
struct trace_buffer *buffer_next(struct tracer *tracer, struct trace_buffer **place, uint32_t generation,
                                 enum trace_kind kind);
void buffer_is_full(struct trace_buffer *buffer);
void count_lost(uint32_t generation);
/* Some goroutine's number will soon have outgrown two bytes. */
void tell_long_numbers(void);
/* The table of this generation will soon be full. */
void tell_full_table(void);

/* ---- table.c ---- */

void table_clear(uint32_t generation);
/* Their numbers in this generation; 0 for none, and if there is no room. Of a string that has to be there the table may be full. */
uint32_t stack_of(struct tracer *tracer, uint32_t generation, const uintptr_t *pcs, size_t count);
uint32_t string_of(struct tracer *tracer, uint32_t generation, const char *string, bool has_to_be);
/* One frame: where a goroutine begins. */
uint32_t stack_of_function(struct tracer *tracer, uint32_t generation, uintptr_t function);
/* The stack of m's goroutine that the frame lies on, from that frame's caller on; 0 on g0. */
uint32_t stack_from(struct m *m, uint32_t generation, const void *frame);
#define STACK(m, generation) stack_from((m), (generation), __builtin_frame_address(0))

/* ---- event.c ---- */

void tracer_register(struct tracer *tracer, struct m *m);
void name_p(struct tracer *tracer, uint32_t generation, struct p *p, int state);
void name_g(struct tracer *tracer, uint32_t generation, struct g *g, uint64_t thread, int state);
/* Names what an m has that is in user code, and kept there; on its behalf. */
void name_outside(struct m *m, struct p *p, uint32_t generation, uint64_t now);

/* ---- sample.c ---- */

/*
 * sysmon: the stack of m, which is in user code, and kept from leaving it by m->take; valid until the next call. Its depth; 0: not
 * to be had.
 */
size_t sample_ask(struct m *m, const uintptr_t **pcs);

/* ---- events ---- */

/* Without a branch for one byte or two; where one does, the other is written over. */
static always_inline uint8_t *varint(uint8_t *at, uint64_t value)
{
    if (unlikely(value >= 1 << 14))
        return at + put_varint(at, value);
    bool has_more = value >= 0x80;
    at[0] = (uint8_t)(value | (uint64_t)has_more << 7);
    at[1] = (uint8_t)(value >> 7);
    return at + 1 + has_more;
}

/* Where this generation's next event goes; NULL: it is lost. */
static always_inline struct trace_buffer *event_room(struct tracer *tracer, uint32_t generation)
{
    struct trace_buffer **place = &tracer->events[generation & 1], *buffer = *place;
    if (unlikely(buffer == NULL) || unlikely(buffer->used > BYTES - EVENT_MOST))
        buffer = buffer_next(tracer, place, generation, TRACE_EVENTS);
    return buffer;
}

/* The first `count` of four arguments are the event's. Gives back where the next one goes. */
static always_inline uint8_t *event_put(uint8_t *at, enum event_type type, uint64_t later, int count, uint64_t a, uint64_t b,
                                        uint64_t c, uint64_t d)
{
    *at++ = (uint8_t)type;
    at = varint(at, later);
    at = count > 0 ? varint(at, a) : at;
    at = count > 1 ? varint(at, b) : at;
    at = count > 2 ? varint(at, c) : at;
    at = count > 3 ? varint(at, d) : at;
    return at;
}

/* All of it up to there is whole. */
static always_inline void event_end_at(struct tracer *tracer, struct trace_buffer *buffer, const uint8_t *end)
{
    buffer->last = tracer->now;
    atomic_store_release(&buffer->used, (uint32_t)(end - buffer->bytes)); /* release: pairs with who copies it meanwhile */
}

static always_inline void emit(struct tracer *tracer, uint32_t generation, enum event_type type, int count, uint64_t a,
                               uint64_t b, uint64_t c, uint64_t d)
{
    struct trace_buffer *buffer = event_room(tracer, generation);
    if (likely(buffer != NULL))
        event_end_at(tracer, buffer,
                     event_put(buffer->bytes + buffer->used, type, tracer->now - buffer->last, count, a, b, c, d));
}

/* ---- sections ---- */

static always_inline uint64_t ticks(int64_t ns)
{
    return (uint64_t)ns >> TRACE_TICK_SHIFT;
}

static always_inline void set_now(struct tracer *tracer, uint64_t now)
{
    if (likely(now > tracer->now))
        tracer->now = now;
}

/* Steps 1 to 3. 0: nothing is to be written. */
static always_inline uint32_t section_open(struct tracer *tracer)
{
    for (;;) {
        uint32_t generation = atomic_load_acquire(&tracing.generation); /* acquire: pairs with event_turn, event_begin */
        atomic_store_release(&tracer->generation, generation - (generation == 0)); /* release: pairs with wait_past */
        fence_light(); /* pairs with event_turn's and event_begin's fence_heavy */
        if (likely(generation == atomic_load_relaxed(&tracing.generation)))
            return generation;
    }
}

/* Of who neither enters nor leaves: sysmon, and samples. */
static always_inline void section_close(struct tracer *tracer)
{
    atomic_store_release(&tracer->generation, 0); /* release: pairs with wait_past */
}

/* ---- naming ---- */

static always_inline bool is_named(const struct trace_mark *mark, uint32_t generation)
{
    return atomic_load_relaxed(&mark->generations[generation & 1]) == generation;
}

static always_inline void set_named(struct trace_mark *mark, uint32_t generation)
{
    mark->sequence = 0;
    atomic_store_relaxed(&mark->generations[generation & 1], generation);
}

/* The goroutine's next number, by which a reader orders its events. It begins anew in each generation, and so stays short. */
static always_inline uint32_t next_number(struct g *g)
{
    uint32_t number = ++g->trace.sequence;
    if (unlikely(number % NUMBERS_SHORT == 0))
        tell_long_numbers();
    return number;
}

/* Which goroutine that is, of all that any trace has told of: a run's numbers begin anew. */
static always_inline uint64_t life(uint64_t id)
{
    return id | (uint64_t)atomic_load_relaxed(&tracing.begun) << 48;
}

static always_inline void set_g_known(struct g *g, uint32_t generation)
{
    atomic_store_relaxed(&g->trace.id, life(g->id));
    atomic_store_relaxed(&g->trace.generations[generation & 1], generation);
}

static always_inline void set_g_named(struct g *g, uint32_t generation)
{
    g->trace.sequence = 0;
    set_g_known(g, generation);
}

/* Not yet told of, in this life. */
static always_inline bool is_new(const struct g *g)
{
    return atomic_load_relaxed(&g->trace.id) != life(g->id);
}

#endif
