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
 *   G_RUNNABLE   no         runnext, ring, global       the queue           who takes it out
 *   G_RUNNING    on g->m    nowhere                     g->m                g->m itself
 *   G_WAITING    no         waiters, timers, scopes     nobody              who claims g->wait
 *
 * Waiting. A g that parks may be reachable from many places at once: the queue of a channel, a timer, its
 * scope. Who wakes it must claim it first: g->wait holds a ticket, new for each park, and the bit
 * WAIT_OPEN while it can be claimed; the claim is a compare-and-swap that clears the bit. Whoever
 * loses forgets about it. g is type-stable memory (stack.h), so a late claim reads a live word and fails.
 *
 * User code and the runtime. m->in_runtime is 1 between enter and leave (block.c), that is in
 * every call of the API and in the scheduler. Only while it is 0 may sysmon take m's p away.
 *
 * Lock ranks, lowest first; a thread may take a lock only above those it holds:
 *   m.take < rung_timer.lock < timers.lock < g.scope_lock (parents first) < group.lock < chan.lock (by address) = waitlist.lock
 *   < m.c's starting < sched.lock < stacks.lock
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
    LOCALS = 64,
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
    WAIT_REASONS,
};

enum g_status { G_DEAD = 1, G_RUNNABLE, G_RUNNING, G_WAITING };

/* g->wait: ticket << 2 | bits. */
enum {
    WAIT_OPEN = 1,   /* may be claimed */
    WAIT_SCOPED = 2, /* its scope's end may claim it */
    WAIT_TICKET = 4, /* added for each park */
};

/* ---- timers ---- */

struct timer;
typedef void timer_function(struct timer *timer, int64_t now);

/* Owned by its user; linked into one p's heap while pending. Fields under that heap's lock. */
struct timer {
    int64_t when;              /* INT64_MAX: not pending */
    timer_function *fire;      /* set once; called with the heap's lock held */
    struct p *p;               /* whose heap it is or was last in; atomic */
    uint32_t index;            /* in the heap, plus 1; 0: not pending */
};

struct timer_entry {
    int64_t when; /* at most timer->when: a later one is noticed when this comes up */
    struct timer *timer;
};

/* A heap of four children per node. */
struct timers {
    union lock lock;
    uint32_t count, capacity;
    struct timer_entry *heap;
    int64_t next; /* heap[0].when, or INT64_MAX; stored under lock, read by anybody */
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

/* ---- goroutine ---- */

/* The order is by use: the first two or three cache lines are what a switch and a start touch. */
struct g {
    struct machine_g machine;
    struct m *m;              /* who runs it; NULL while nobody does */
    uint32_t status;          /* enum g_status; atomic for readers (dumps) */
    uint32_t wait;            /* atomic: the claim word */
    int32_t wait_result;      /* by the claimer, before ready */
    int32_t saved_errno;
    struct g *next;           /* in the queue or free list it is in */
    int32_t ended;            /* atomic: the innermost scope's error; under scope_lock */
    bool is_pinned;             /* it is pinned */
    uint8_t reason;           /* enum wait_reason, while waiting */
    bool is_thread;           /* stands for a plain thread */
    uint8_t class;            /* stack class */

    int64_t since;            /* coarse time of the last park */
    rung_function *fn;
    void *arg;
    uint64_t id;
    uint64_t created_by;
    uintptr_t created_at;     /* pc of the go call */
    struct scope *scope;      /* innermost; changed by itself under scope_lock */
    struct group *group;      /* the group it belongs to, or NULL */
    void **locals;            /* LOCALS values, or NULL */
    union lock scope_lock;
    char name[G_NAME];
    struct link member;       /* in group->members, under group->lock */
    struct m *pinned;         /* the m it is pinned to, or NULL */
    uint32_t pins;
    uint32_t timer_ticket;    /* the park that timer ends; set before it is started */
    struct timer timer;       /* sleep */
    uintptr_t stack_low, stack_high;
    struct note note;         /* is_thread: what it sleeps on */
    void *fiber;              /* the sanitizer's */
};

/* ---- thread ---- */

/* Called on g0 once a parking goroutine is saved and its wait word is open: makes it reachable. */
typedef void park_commit(struct g *g, void *arg);

struct m {
    struct machine_m machine;  /* g: what it runs */
    uint8_t in_runtime;        /* atomic: own m stores, sysmon loads after fence_heavy */
    bool is_spinning;          /* counted in sched.spinning; own m, or who wakes it */
    bool is_thread;
    bool is_blocking;          /* atomic: within rung_blocking */
    union {
        uint16_t interrupt;    /* atomic: both bytes at once */
        struct {
            uint8_t taken;     /* sysmon is taking p, or has; under take */
            uint8_t yield;     /* its slice is over */
        };
    };
    struct p *p;               /* NULL: none. Own m; sysmon under take while in_runtime is 0 */
    int *errno_location;
    union lock *park_lock;     /* released by park_m, or NULL */
    park_commit *park_commit;  /* called by park_m, or NULL */
    void *park_arg;
    uint8_t park_reason;
    bool park_is_scoped;

    union lock take;           /* guards the taking of p */
    struct p *next_p;          /* given by who wakes it, before the note */
    struct note note;
    struct link idle;          /* in sched.idle_ms, under sched.lock */
    struct g *pinned_g;        /* the goroutine that only this m may run */
    uint32_t number;
    int tid;
    int state_fd;              /* see os_thread_is_asleep */
    struct stack g0, signal;
    uint64_t random;
    void *fiber;               /* the sanitizer's, for g0 */
    struct m *next_all;        /* sched.all_ms; set once */
};

/* ---- processor ---- */

struct p {
    struct g *runnext;         /* atomic: the owner stores, thieves swap it out */
    uint32_t head;             /* atomic: owner and thieves advance it */
    uint32_t tail;             /* atomic: the owner advances it */
    uint32_t tick;             /* turns given; atomic for sysmon */
    uint32_t timer_tick;
    struct m *m;               /* atomic for sysmon: who holds it, NULL: idle */
    struct g *free;            /* dead goroutines of the default class; owner only */
    uint32_t free_count;
    uint32_t number;
    uint64_t created, ended;   /* goroutines; owner stores, others sum them up */
    uint64_t switches, steals; /* the same */
    uint32_t wakes_skipped;    /* see p_wake; owner only */
    uint64_t random;
    struct p *next_idle;       /* under sched.lock */
    bool is_idle;              /* under sched.lock */
    bool has_due_timer;        /* atomic: sysmon saw one; the owner looks at its next turn */
    uint64_t id_next, id_end;  /* goroutine numbers reserved for this p */

    /* What sysmon saw last; sysmon only. */
    uint32_t seen_tick;
    uint32_t seen_checks;
    int64_t seen_since;

    struct timers timers __attribute__((aligned(CACHE_LINE)));
    struct g *ring[RUNQ_SIZE] __attribute__((aligned(CACHE_LINE)));
} __attribute__((aligned(CACHE_LINE)));

/* ---- everything ---- */

struct sched {
    /* Set before any thread starts; read by all. */
    uint32_t procs;
    uint32_t ring_size;        /* RUNQ_SIZE; less in chaos mode */
    uint64_t chaos;            /* seed, 0: off */
    bool is_forked;            /* the child of a fork: nothing works here */
    int stack_class;           /* of goroutines that ask for no size */
    struct fp_control fp;      /* of rung_run's caller: what goroutines begin with */
    sigset_t signals;          /* the mask of rung_run's caller, for every m */

    /* Read often, changed when threads sleep or wake. */
    uint32_t idle_procs __attribute__((aligned(CACHE_LINE))); /* atomic; stored under lock */
    uint32_t spinning;         /* atomic: ms that look for work */
    uint32_t needs_spinning;   /* atomic; set under lock: nobody was there to be woken */
    uint32_t global_count;     /* atomic; stored under lock */
    uint32_t is_closing;       /* atomic: rung_run's function has returned */
    uint32_t is_running;       /* atomic: between rung_run's start and end */
    uint32_t wants_m;          /* atomic: a thread could not be started; sysmon tries again */
    uint32_t futile;           /* atomic: wakes in a row that found no work; a hint */
    int64_t coarse_now;        /* atomic: recent monotonic time */

    union lock lock __attribute__((aligned(CACHE_LINE)));
    struct g *global_first, *global_last;    /* under lock */
    struct p *idle_p;                        /* under lock */
    struct list idle_ms;                     /* under lock: the keeper last */
    struct m *keeper;                        /* under lock: the idle m that wakes for timers */
    int64_t keeper_until;                    /* atomic: when; INT64_MAX: no keeper */
    struct g *free[STACK_CLASSES];           /* under lock: dead goroutines */
    uint32_t ms;                             /* made; atomic, stored under m.c's starting */
    uint32_t ms_without_p;                   /* atomic: in user code, their p taken */
    uint32_t threads;                        /* under lock: plain threads that have an m, rung_run's caller too */
    uint32_t threads_asleep;                 /* atomic: those of them that wait in rung */
    struct m *all_ms;                        /* atomic: first of next_all */

    uint64_t next_id;                        /* atomic */
    uint64_t created, ended;                 /* atomic: by threads without p */
    uint64_t hand_overs;                     /* atomic */
    struct scope root;
    struct g *main;
    uint32_t main_ticket;                    /* under lock: not 0 while goroutine 1 waits for the others */
    uint32_t is_lingering;                   /* atomic: others will not end; name them */
    struct note done;                        /* rung_run sleeps on it */
    int main_result;

    struct note sysmon;
    uint32_t sysmon_sleeps;                  /* atomic */
    uint32_t sysmon_started;

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

/* True once in `n`, in chaos mode only. */
static always_inline bool chaos(struct m *m, uint32_t n)
{
    return unlikely(sched.chaos != 0) && random_next(&m->random) % n == 0;
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

/* ---- g.c ---- */

/* A dead goroutine, its stack ready, or NULL without memory. m has a p, or is a plain thread. */
struct g *g_acquire(struct m *m, int class);
/* Puts a dead one away. */
void g_release(struct m *m, struct g *g);
/* Prepares rung_run's goroutine: it begins with fn(arg), and is said to be created at that pc. */
void g_prepare_main(struct m *m, struct g *g, rung_function *fn, void *arg, uintptr_t created_at);
/* Makes it runnable for the first time. */
void g_start(struct m *m, struct g *g);
/* Goroutines alive, as summed up now. */
uint64_t g_count(void);
const char *g_status_name(uint32_t status);
/* Every g ever made, in turn, dead ones included; as stack_next. Async-signal-safe. */
struct g *g_next(uint64_t *cursor);

/* ---- m.c ---- */

/* Only one processor's holder will touch objects from now on, if it is so; and not any more. */
void solo_begin(void);
void solo_end(void);
/* The m for a thread that calls rung for the first time. */
struct m *m_adopt(void);
/* Wakes or starts an m for p, spinning or not. With sched.lock not held. */
void m_start(struct p *p, bool is_spinning);
/* Sleeps until somebody gives this m a p, or takes an idle one when, as the keeper, it finds a timer due. */
void m_stop(struct m *m);
/* A timer was started that is due before the keeper would wake. */
void keeper_wake(void);
/* Gives g, pinned to another m, to it, with this m's p. */
void m_give_pinned(struct m *m, struct g *g);
/* The same; then this m looks for another p. */
noreturn void m_start_pinned(struct m *m, struct g *g);
/* This m's goroutine is pinned and parked: gives the p away and sleeps until it can go on. */
noreturn void m_stop_pinned(struct m *m);

/* ---- p.c ---- */

void p_acquire(struct m *m, struct p *p);
struct p *p_release(struct m *m);
/* The idle list; sched.lock held. */
void p_idle_put_locked(struct p *p);
struct p *p_idle_get_locked(void);
/* p has lost its m: finds another for it if there is work, else it goes idle. */
void p_hand_over(struct p *p);
/* Wakes one more processor to look for work, if one idles and nobody looks. */
void p_wake(void);
/* The same for m, which has just made work, with the zeal that past wakes deserve. */
void p_wake_for(struct m *m);

/* ---- find.c ---- */

/* The same for an m that has lost its p. */
noreturn void schedule_without_p(struct m *m);
/* Runnable work that waits for a processor; a hint. */
bool find_has_work(void);
void find_check_deadlock_locked(void);

/* ---- scope.c ---- */

/* Makes a goroutine that has not started a member; -ECANCELED if the group has ended. */
int group_join(struct group *group, struct g *g);
/* A member has returned this. */
void group_leave(struct m *m, struct g *g, int result);
/* Ends the root scope: everything that is parked in it wakes. */
void scope_end_root(struct m *m, int error);

/* ---- locals.c ---- */

/* The goroutine has returned: destroys its values. In user code: destructors may park. */
void locals_end(struct g *g);

/* ---- run.c ---- */

/* A goroutine has ended while rung_run waits for the last. On g0. */
void run_check_end(struct m *m, struct g *ended);

/* ---- block.c ---- */

/* The slow half of enter: p was taken, or the slice is over. */
struct m *enter_slow(struct m *m);

/* ---- sysmon.c ---- */

void sysmon_start(void);
void sysmon_wake(void);

/* ---- dump.c ---- */

void dump_init(void);
/* Names, on stderr, the goroutines that keep rung_run from ending. */
void dump_lingering(void);

#endif
