/* SPDX-License-Identifier: MIT */
/*
 * sched.h: every structure of the scheduler. Read this first.
 *
 *   g   a goroutine: a stack with this structure at its top, and what it waits for
 *   m   a thread that runs goroutines, with its g0: the scheduler's stack. Made on demand, never ended
 *   p   a processor: the right to run goroutines, with a queue, timers and caches. There are RUNG_PROCS
 *   g0  the m's own stack, on which the scheduler runs; it has no struct g
 *
 * Running code is an m that holds a p and runs a g. A plain thread that calls rung gets an m too, with a g that
 * stands for the thread itself (is_thread) and no p: it never runs goroutines, and where a goroutine
 * would park it sleeps.
 *
 * States of a g (g->status)
 *                runs?      queued where                stack owned by      who may change it
 *   G_DEAD       no         a free list                 the list's owner    that owner (go)
 *   G_RUNNABLE   no         runnext, ring, parents,     the queue           who takes it out
 *                           global
 *   G_RUNNING    on g->m    nowhere                     g->m                g->m itself
 *   G_WAITING    no         waiters, timers, scopes     nobody              who claims g->wait
 *
 * Waiting. A g that parks may be reachable from many places at once: the queue of a channel, a timer, its
 * scope. Who wakes it must claim it first: g->wait holds a ticket, new for each park, and the bit
 * WAIT_OPEN while it can be claimed; the claim is a compare-and-swap that clears the bit. Whoever
 * loses forgets about it, unless the word was only held for a moment (trim.c). g is type-stable memory
 * (stack.h), so a late claim reads a live word and fails.
 *
 * User code and the runtime. m->in_runtime is 1 between enter and leave (park.h), that is in
 * every call of the API and in the scheduler. Only while it is 0 may sysmon take m's p away.
 *
 * The order in which locks may be taken is enum lock_rank, in base/lock.h.
 */
#ifndef RUNG_SCHED_H
#define RUNG_SCHED_H

#include <rung.h>
#include <signal.h>

#include "base/atomic.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/panic.h"
#include "machine/arch.h"
#include "machine/clock.h"
#include "machine/stack.h"

struct g;
struct m;
struct p;
struct scope;

enum {
    MOST_PROCS = 256,
    RUNQ_SIZE = 256,
    G_NAME = 24,
    G_CACHE = 1024,          /* dead goroutines that a p keeps */
    G_CACHE_SCARCE = 2,      /* the same once there was no memory for a new stack */
    LOCALS = 64,
    KEEP_BYTES = 4 * PAGE,   /* of a stack whose pages are given back */
};
#define SLICE_NS    INT64_C(10000000) /* a goroutine's turn */
#define HANDOVER_NS INT64_C(20000)    /* how long a blocked goroutine keeps its p */

/* Go's words, and no others: viewers know them (reference/observability.md 4.2). */
enum wait_reason {
    WAIT_NONE = 1,
    WAIT_CHAN_SEND,
    WAIT_CHAN_RECEIVE,
    WAIT_SELECT,
    WAIT_SLEEP,
    WAIT_SYNC,
    WAIT_COND,
    WAIT_FOREVER,
    WAIT_IO,
    WAIT_REASONS,
};

#define NO_KEEPER   INT64_MIN         /* no timer is earlier */

/* sched.special: what makes everything go the slower way. */
enum { SPECIAL_CHAOS = 1, SPECIAL_TRACE = 2 };

enum g_status { G_DEAD = 1, G_RUNNABLE, G_RUNNING, G_WAITING };

/* g->wait: ticket << 3 | bits. */
enum {
    WAIT_OPEN = 1,   /* may be claimed */
    WAIT_SCOPED = 2, /* its scope's end may claim it */
    WAIT_HELD = 4,   /* with WAIT_OPEN: open, but whoever claims it waits until this is cleared (trim.c) */
    WAIT_TICKET = 8, /* added for each park */
};

/* ---- timers ---- */

struct timer;
typedef void timer_function(struct timer *timer, int64_t now);

/* Owned by its user; in one p's calendar while pending. Fields under the lock of that p's timers. */
struct timer {
    int64_t when;
    timer_function *fire;      /* set once; called with that lock held */
    struct p *p;               /* whose calendar it is or was last in; atomic */
    uint32_t slot;             /* there; 0: not pending */
    uint16_t touched_lines;    /* what firing touches, and who runs then, is prefetched: so many cache lines from here on, */
    uint16_t lines_before;     /* and so many before the timer itself */
    const void *touched;
};

struct timer_entry {
    int64_t when;  /* at most the timer's: a later one is noticed when this comes up */
    uint32_t slot; /* whose it is */
};

enum { CALENDAR_LEVELS = 9, CALENDAR_DIGITS = 64 };

/* What is pending, by time; see calendar.h. */
struct calendar {
    struct timer_entry *heap;
    uint32_t *places;              /* of entries, by slot */
    struct timer **timers;         /* by slot */
    struct calendar_block *blocks; /* of slots */
    uint32_t heap_count;
    uint32_t used_levels;          /* a bit for each: some of its buckets are not empty */
    uint32_t free_block;
    int64_t tick;                  /* what is due up to its end is in the heap */
    struct calendar_bucket *buckets;
    struct calendar_chunk *chunks;
    uint32_t free_chunk, chunks_used;
    uint32_t capacity, most;       /* timers: for which there is memory; address space */
    uint64_t used[CALENDAR_LEVELS];
};

struct timers {
    union lock lock;
    int64_t next; /* calendar_next; stored under lock, read by anybody */
    struct calendar calendar; /* under lock */
};

/* ---- scopes ---- */

/* Lives in the user's rung_scope; see scope.c. Fields under owner->scope_lock unless marked. */
struct scope {
    struct scope *parent;
    struct g *owner;        /* who opened it */
    struct group *group;    /* the group that it is the scope of, or NULL */
    int32_t error;          /* atomic: 0, -ECANCELED or -ETIMEDOUT; read by all in it */
    bool is_shield;
    uint32_t magic;
    int64_t deadline;       /* set once: absolute, INT64_MAX for none */
    struct timer timer;     /* pending while open with a deadline */
};

struct group {
    struct scope scope;
    union lock lock;
    int32_t error;          /* the first, under lock */
    struct list members;    /* under lock: g.member */
    uint32_t opener_ticket; /* under lock: not 0 while the opener waits */
    bool is_closed;         /* under lock */
};

/* ---- tracing ---- */

/* Of a g or p: in which generations of the trace it has been named; owned by who may change its state. See event.c. */
struct trace_mark {
    uint32_t generations[2];   /* atomic: by parity; control reads them */
    uint32_t sequence;         /* of the newest */
    uint64_t id;               /* atomic: whom it is about: a g is used again */
};

/* A stack that was met where one was this deep: a place to look first (table.c). */
struct trace_guess {
    const struct trace_record *record;
    uint32_t generation;       /* in which that is there */
};

enum { TRACE_GUESSES = 32 };

/* Who writes events: an m, sysmon, or the control thread. */
struct tracer {
    uint32_t generation;       /* atomic: of the section that is open; 0: none */
    uint32_t proxied;          /* atomic: how often control wrote on its behalf */
    bool is_registered;
    struct trace_buffer *events[2], *tables[2]; /* by parity; its own, then control's */
    uint64_t now;              /* ticks of the last event */
    uint64_t thread;           /* its number in the trace */
    struct m *m;               /* or NULL */
    struct tracer *next;       /* set once */
    struct trace_guess guesses[TRACE_GUESSES][2];
    uintptr_t pcs[128];        /* a stack on its way */
};

/* ---- goroutine ---- */

/* The order is by use: two cache lines for a switch, three for a sleep, four for a start and an end. */
struct g {
    struct machine_g machine;
    struct m *m;              /* who runs it; NULL while nobody does */
    uint32_t status;          /* enum g_status; atomic for readers (dumps) */
    uint32_t wait;            /* atomic: the claim word */
    int32_t wait_result;      /* by the claimer, before ready */
    int32_t saved_errno;
    struct g *next;           /* in the queue or free list it is in; stored atomically: see runq_pop_parent */
    int32_t ended;            /* atomic: the innermost scope's error; under scope_lock */
    bool is_pinned;           /* it is pinned */
    uint8_t reason;           /* enum wait_reason, while waiting */
    bool is_thread;           /* stands for a plain thread */
    uint8_t class;            /* stack class */
    int64_t since;            /* atomic: coarse time of the last park */
    uint32_t timer_ticket;    /* the park that timer ends; set before it is started */
    bool has_name;

    struct timer timer;       /* sleep */
    rung_function *fn;
    void *arg;
    uint64_t id;

    uint64_t created_by;
    uintptr_t created_at;     /* pc of the go call */
    struct scope *scope;      /* innermost; changed by itself under scope_lock */
    struct group *group;      /* the group it belongs to, or NULL */
    void **locals;            /* LOCALS values, or NULL */
    struct m *pinned;         /* the m it is pinned to, or NULL */
    uintptr_t stack_low, stack_high;

    struct link member;       /* in group->members, under group->lock */
    union lock scope_lock;
    uint32_t pins;
    uint32_t trim_ticket;     /* the park for which trim.c has been here; under its lock */
    struct note note;         /* is_thread: what it sleeps on */
    char name[G_NAME];        /* if has_name */
    struct trace_mark trace;
    uint64_t region_id;       /* the goroutine, by number, whose innermost region is next */
    struct region *region;
    void *fiber;              /* the sanitizer's */
};

/* ---- thread ---- */

/* Why a goroutine departs from its stack; what is to be done then is settle's (park.h). */
enum departure { NO_DEPARTURE, TO_PARK, TO_PARK_WITH, TO_YIELD, TO_START, TO_END };

/*
 * Called once a parking goroutine is saved and its wait word is open, on another stack: makes it reachable. Its scope may
 * wake it before: what this reads on its stack must be guarded by a lock that the goroutine takes before it leaves that
 * frame.
 */
typedef void park_commit(struct g *g, void *arg);

struct m {
    struct machine_m machine;  /* g: what it runs */
    uint8_t in_runtime;        /* atomic: own m stores, sysmon loads after fence_heavy */
    bool is_spinning;          /* counted in sched.spinning; own m, or who wakes it */
    bool is_thread;
    bool is_blocking;          /* atomic: within rung_blocking */
    bool is_special;           /* own m: a plain thread, or one with a pinned goroutine, or sched.special */
    bool is_in_syscall;        /* for the trace: its goroutine is in a system call. Own m; sysmon under take */
    bool is_slice_over;        /* for the trace: why it yields */
    bool is_asleep;            /* atomic: in the runtime, and nothing is on its way until it is cleared */
    union {
        uint32_t interrupt;    /* atomic: all bytes at once; not 0: enter has more to do */
        struct {
            uint8_t taken;     /* sysmon is taking p, or has; under take */
            uint8_t yield;     /* its slice is over; of a plain thread: it has a deadline to keep */
            bool needs_fence;  /* there is no fence_heavy: enter fences for itself */
            bool has_news;     /* sched.special has changed */
        };
    };
    struct p *p;               /* NULL: none. Own m; sysmon under take while in_runtime is 0 */
    int *errno_location;
    union lock *park_lock;     /* released by settle, or NULL */
    park_commit *park_commit;  /* called by settle, or NULL */
    void *park_arg;
    uint32_t park_ticket;      /* what the wait word is to become */
    uint8_t park_reason;
    uint8_t departure;         /* enum departure, of who departs or has departed */
    struct g *departed;        /* whose stack was left straight for another goroutine's, until it is settled */
    struct g *next_g;          /* taken out of a queue, for schedule_slow; or NULL */
    int64_t found_at;          /* when it found work as a spinner, 0: it did not; find.c judges its wake by that */
    int64_t sleep_until;       /* is_thread: what WAIT_SLEEP waits for */
    int poll_number;           /* is_thread: what WAIT_IO waits for, */
    short poll_events;         /* and until it does what */

    union lock take;           /* guards the taking of p */
    struct p *next_p;          /* given by who wakes it, before the note */
    struct note note;
    struct link idle;          /* in sched.idle_ms, under sched.lock */
    struct g *pinned_g;        /* the goroutine that only this m may run */
    uint32_t number;
    int tid;
    int state_fd;              /* atomic; -1: none; see os_thread_is_asleep */
    struct stack g0, signal;
    struct clock clock;        /* for deadlines; own m */
    uint64_t random;
    void *fiber;               /* the sanitizer's, for g0 */
    struct m *next_all;        /* sched.all_ms; set once */
    struct tracer tracer __attribute__((aligned(CACHE_LINE))); /* what each event needs is in one line */
    struct tracer sampler;     /* the handler's; see sample.c */
    uint32_t sample_hz;        /* atomic: of its timer; 0: there is none. The trace's thread; read by sysmon */
    int sample_timer;
};

/* ---- processor ---- */

struct p {
    struct g *runnext;         /* atomic: the owner stores, thieves swap it out */
    uint32_t head;             /* atomic: owner and thieves advance it */
    uint32_t tail;             /* atomic: the owner advances it */
    uint32_t turns_left;       /* before the global queue is looked at first; atomic for sysmon */
    int32_t look_in;           /* departures until the owner looks at the clock; while timers are pending */
    uint32_t look_every;       /* atomic for sysmon: what look_in begins with */
    struct g *parents;         /* atomic: the owner pushes and pops, a thief takes all; see runq.h */
    struct m *m;               /* atomic for sysmon: who holds it, NULL: idle */
    struct g *free;            /* dead goroutines of the default class; owner only */
    uint32_t free_count;
    uint32_t number;
    uint64_t created, ended;   /* goroutines; owner stores, others sum them up */
    uint64_t switches, steals; /* the same */
    uint64_t fd_parks, fd_wakes; /* the same, of waits for descriptors */
    uint32_t wakes_skipped;    /* see p_wake_for; owner only */
    struct p *next_idle;       /* under sched.lock */
    bool is_idle;              /* under sched.lock */
    bool is_turn_of_parents;   /* before the ring's; owner only */
    bool has_due_timer;        /* atomic: sysmon or the owner saw one; find.c lets it run */
    int64_t looked_at;         /* at the clock; owner only */
    uint64_t id_next, id_end;  /* goroutine numbers reserved for this p */
    struct trace_mark trace;

    /* What sysmon saw last; sysmon only. */
    uint32_t seen_turns_left;
    uint32_t seen_switches;
    uint32_t seen_checks;
    bool looks_often;          /* at the clock, by itself */
    int64_t seen_since;
    int64_t slice_since;       /* the turn of seen_turns_left */

    struct timers timers __attribute__((aligned(CACHE_LINE)));
    struct g *ring[RUNQ_SIZE] __attribute__((aligned(CACHE_LINE)));
} __attribute__((aligned(CACHE_LINE)));

/* ---- everything ---- */

struct sched {
    /* Set before any thread starts; read by all. */
    uint32_t procs;
    uint32_t ring_size;        /* RUNQ_SIZE; less in chaos mode */
    uint64_t chaos;            /* seed, 0: off */
    uint32_t special;          /* atomic: SPECIAL_* */
    bool is_forked;            /* the child of a fork: nothing works here */
    int stack_class;           /* of goroutines that ask for no size */
    struct fp_control fp;      /* of rung_run's caller: what goroutines begin with */
    sigset_t signals;          /* the mask of rung_run's caller, for every m */

    /* Read often, changed when threads sleep or wake. */
    uint32_t idle_procs __attribute__((aligned(CACHE_LINE))); /* atomic; stored under lock */
    uint32_t spinning;         /* atomic: ms that look for work */
    uint32_t global_count;     /* atomic; stored under lock */
    uint32_t is_closing;       /* atomic: rung_run's function has returned */
    uint32_t g_cache;          /* atomic: G_CACHE, or G_CACHE_SCARCE */
    uint32_t is_running;       /* atomic: between rung_run's start and end */
    uint32_t wants_m;          /* atomic: a thread could not be started: only sysmon may try again, by clearing it */
    uint32_t futile;           /* atomic: wakes in a row that found no work; a hint */
    uint32_t wants_trim;       /* atomic: sysmon found no idle p: who comes by shall call trim_batch */
    int64_t coarse_now;        /* atomic: recent monotonic time */

    union lock lock __attribute__((aligned(CACHE_LINE)));
    struct g *global_first, *global_last;    /* under lock */
    struct p *idle_p;                        /* under lock */
    struct list idle_ms;                     /* under lock: the keeper last */
    struct m *keeper;                        /* under lock: the idle m that wakes for timers */
    struct m *poller;                        /* atomic; stored under lock: the m that waits in epoll, or is about to */
    int64_t keeper_until;                    /* atomic: when; NO_KEEPER: there is none */
    struct g *free[STACK_CLASSES];           /* under lock: dead goroutines */
    uint32_t ms;                             /* made; atomic, stored under m.c's starting */
    uint32_t ms_without_p;                   /* atomic: in user code, their p taken */
    uint32_t threads;                        /* under lock: plain threads that have an m, rung_run's caller too */
    bool is_solo_ending;                     /* under lock: a thread waits for the ms to leave solo mode */
    uint32_t threads_asleep;                 /* atomic: those of them that wait in rung */
    struct m *all_ms;                        /* atomic: first of next_all */

    uint64_t next_id;                        /* atomic */
    uint64_t created, ended;                 /* atomic: by threads without p */
    uint64_t hand_overs;                     /* atomic */
    struct scope root;
    struct g *main;
    uint32_t holders;                        /* atomic: plain threads that are starting a goroutine: see run.c */
    uint32_t main_ticket;                    /* under lock: not 0 while goroutine 1 waits for the others */
    struct note done;                        /* rung_run sleeps on it */
    int main_result;

    struct note sysmon;
    uint32_t sysmon_sleeps;                  /* atomic */
    uint32_t sysmon_started;
    uint32_t objects_wanted, objects_known;  /* atomic: how often sysmon was asked to look for new objects, and has answered */

    struct p p[MOST_PROCS];
};

extern struct sched sched;

/* A small, fast generator: for choices that must be spread, not secret. */
static always_inline uint32_t random_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return (uint32_t)(x >> 16);
}

/* Chaos mode or tracing: what is rare, and stands beside the fast paths in one word. */
static always_inline bool is_special(void)
{
    return atomic_load_relaxed(&sched.special) != 0;
}

static always_inline bool is_traced(void)
{
    return unlikely((atomic_load_relaxed(&sched.special) & SPECIAL_TRACE) != 0);
}

/* True once in `n`, in chaos mode only. */
static always_inline bool chaos(struct m *m, uint32_t n)
{
    return unlikely(is_special()) && sched.chaos != 0 && random_next(&m->random) % n == 0;
}

/* The m and g of the caller. NULL on a thread that rung has not met. */
static always_inline struct m *current_m(void)
{
    return machine_m();
}

static always_inline struct g *m_g(struct m *m)
{
    return m->machine.g;
}

/* Only m may run g from now on, and m nobody else; NULL: not any more. */
static always_inline void m_pin(struct m *m, struct g *g)
{
    m->pinned_g = g;
    m->is_special = g != NULL || is_special() || MUTANT(PUBLISH_EARLY);
}

/* ---- g.c ---- */

/* A dead goroutine, its stack ready, or NULL without memory. m has a p, or is a plain thread. */
struct g *g_acquire(struct m *m, int class);
/* Puts a dead one away. */
void g_release(struct m *m, struct g *g);
/* Prepares rung_run's goroutine: it begins with fn(arg), and is said to be created at that pc. */
void g_prepare_main(struct m *m, struct g *g, rung_function *fn, void *arg, uintptr_t created_at);
/* Once the function of the one that runs has returned: m is what enter gave. Panics where it must not have. */
void g_check_returned(struct m *m);
/* Puts one away that has returned, and has left its stack. */
void g_end(struct m *m, struct g *g);
/* Makes it runnable for the first time. */
void g_start(struct m *m, struct g *g);
/* Goroutines alive, as summed up now. */
uint64_t g_count(void);
/* Every g ever made, in turn, dead ones included; as stack_next. Async-signal-safe. */
struct g *g_next(uint64_t *cursor);
/* Shows LeakSanitizer the stacks of those that do not run. */
void g_show_stacks(void);

/* ---- m.c ---- */

/* Nothing interrupts m, but that it may need a fence. */
void m_interrupt_init(struct m *m);
/* The m for a thread that calls rung for the first time. */
struct m *m_adopt(void);
/* Wakes or starts an m for p, spinning or not. With sched.lock not held. */
void m_start(struct p *p, bool is_spinning);
/* Whoever m_start started before is in all_ms. */
void m_start_barrier(void);
/* Sleeps until somebody gives this m a p, or takes an idle one when, as the keeper, it finds a timer due. */
void m_stop(struct m *m);
/* A timer was started that is due before the keeper would wake, or the first descriptor is to be waited for. */
void keeper_wake(void);
/* Gives g, pinned to another m, to it, with this m's p. */
void m_give_pinned(struct m *m, struct g *g);
/* The same; then this m looks for another p, and a goroutine to go on with. */
struct g *m_start_pinned(struct m *m, struct g *g);
/* This m's goroutine is pinned and parked: gives the p away, sleeps until it can go on, and gives it back. */
struct g *m_stop_pinned(struct m *m);

/* ---- p.c ---- */

void p_acquire(struct m *m, struct p *p);
struct p *p_release(struct m *m);
/* The idle list; sched.lock held. */
void p_idle_put_locked(struct p *p);
struct p *p_idle_get_locked(void);
/* The same, taking the lock; NULL where none idles. */
struct p *p_take_idle(void);
/* p has lost its m: finds another for it if there is work anywhere, else it goes idle. */
void p_hand_over(struct p *p);
/* Wakes one more processor to look for work, if one idles and nobody looks. */
void p_wake(void);
/* The same for m, which has just made work, with the zeal that past wakes deserve. */
void p_wake_for(struct m *m);
/* Whether p_wake_for lets occasions pass, so that sysmon has to look after what waits. */
bool p_skips_wakes(void);

/* ---- find.c ---- */

/* Finds a goroutine, sleeps where there is none, and lets it go on. On g0, with a p. */
struct g *schedule_slow(struct m *m);
/* The same for an m that has lost its p. */
struct g *schedule_without_p(struct m *m);
/* Runnable work that waits for a processor; a hint. */
bool find_has_work(void);
void find_check_deadlock_locked(void);

/* ---- scope.c ---- */

/* Makes a goroutine that has not started a member; -ECANCELED if the group has ended. */
int group_join(struct group *group, struct g *g);
/* A member has returned this. */
void group_leave(struct m *m, struct g *g, int result);
/* The earliest deadline of a plain thread's scopes; and ends those that are over, on that thread. */
int64_t scope_thread_deadline(const struct g *g);
void scope_thread_expire(struct m *m, struct g *g);
/* The same at each call of a plain thread's. */
void scope_thread_look(struct m *m);
/* Ends the root scope: everything that is parked in it wakes. */
void scope_end_root(struct m *m, int error);

/* ---- locals.c ---- */

/* The goroutine has returned: destroys its values. In user code: destructors may park. */
void locals_end(struct g *g);

/* ---- run.c ---- */

/* A goroutine has ended while rung_run waits for the last, on g0; or, NULL, a plain thread may have been waited for. */
void run_check_end(struct m *m, struct g *ended);
/* A plain thread is about to start a goroutine. True: it may, and the run that goes on does not end before run_let_go. */
bool run_hold(void);
/* It has, or does not; also after run_hold gave back false. */
void run_let_go(struct m *m);

/* ---- block.c ---- */

/* The slow half of enter: p was taken, or the slice is over. */
struct m *enter_slow(struct m *m);

/* ---- sysmon.c ---- */

/* Starts the monitor, if it does not run yet. 0, -EAGAIN or -ENOMEM. */
int sysmon_start(void);
void sysmon_wake(void);
/*
 * Has sysmon take in what was just loaded, as a signal's handler must not. Whether it has: it may be stuck behind who holds the
 * loader's lock. Async-signal-safe.
 */
bool sysmon_look_for_objects(void);
/* Takes p from the m that holds it, unless that is in the runtime. True: p is nobody's now. Sysmon, and no other. */
bool sysmon_take(struct p *p);

/* ---- trim.c ---- */

void trim_init(void);
/* When sysmon has to be awake for it; INT64_MAX: not before something has run. Sysmon only. */
int64_t trim_due(int64_t now);
/* The same in a round: has a batch done, if one is due. Whether sysmon did it. */
bool trim_round(int64_t now);
/* Looks at some goroutines. The caller holds a p, and does not spin. */
void trim_batch(void);

/* ---- dump.c ---- */

void dump_init(void);
/* The stack of one that does not run; what others change meanwhile may spoil it. Gives back its depth, UNWIND_DEPTH_MAX at most. */
size_t g_walk_parked(struct g *g, uintptr_t *pcs);
/* Names, on stderr, the goroutines that keep rung_run from ending. */
void dump_lingering(void);

#endif
