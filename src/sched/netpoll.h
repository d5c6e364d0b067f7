/* SPDX-License-Identifier: MIT */
/*
 * netpoll.h: who waits for which descriptor of the kernel's, and how those who run goroutines hear of it.
 *
 * A descriptor is a slot in a table of type-stable memory, with a number that changes each time the slot is used
 * again: its generation. Both together are the handle that users hold, and what epoll gives back with an event: so a
 * late event, and a handle that was closed, are known by their generation and can do no harm.
 *
 * Each descriptor has two sides, to read and to write, each with at most one goroutine that waits for readiness
 * (net/fd.c sees to it: it has the side's turn). It is registered with epoll once, edge-triggered, the first time that
 * somebody has to wait; what its present state is comes as the first event.
 *
 * To wait for a side (the one that has its turn):
 *   1. is_ready = false
 *   2. try the system call; unless it says EAGAIN, done
 *   3. register, if that was not done yet
 *   4. under lock: closed? -EBADF. is_ready? from 1 again. Else leave the waiter there, and park
 * To deliver an event (who holds a p):
 *   1. under lock: another generation? nothing
 *   2. is_ready = true; take the waiter away and claim it
 *   3. make it ready
 * What becomes ready after step 2's system call comes as an event, which is delivered after 4 or makes 4 go round; what
 * became ready before step 2 is found by step 2, though 1 may have overwritten its is_ready. A full fence lies between the two,
 * or 1 could overwrite what step 2 was too early to see: the kernel does not lock the file for each look.
 *
 * Who asks epoll, and when:
 *   find.c         who holds a p and has nothing in its own queue nor in the global one; does not wait
 *   m.c            the last to go to sleep: the keeper waits in epoll until the earliest timer, and when it wakes, takes a p
 *                  by itself and delivers. One m at most: sched.poller
 *   sysmon         if nobody has asked for 10 ms
 * Only who holds a p may deliver. Sysmon, and a keeper for whom no p was left, put what they got into the stash, which
 * counts as work that waits.
 *
 * Plain threads wait by poll(2) for themselves, whether rung runs or not; that a descriptor is closed they hear of by
 * their note, as others do.
 */
#ifndef RUNG_NETPOLL_H
#define RUNG_NETPOLL_H

#include <sys/epoll.h>

#include "sched/sched.h"

enum poll_side { POLL_READ, POLL_WRITE, POLL_SIDES };

/* The state, in the lower half of `word`; the upper one is the generation. The rest counts users. */
enum {
    FD_CLOSED = 1,   /* nobody may begin any more */
    FD_BUSY = 2,     /* FD_BUSY << side: somebody has the turn */
    FD_QUEUED = 8,   /* FD_QUEUED << side: somebody waits for the turn, or did a moment ago */
    FD_USER = 64,
};

struct descriptor;

struct poll_waiter {
    struct g *g;
    const struct descriptor *of; /* whose readiness wakes it; a close of any does */
    uint32_t ticket;
};

struct poll_half {
    struct poll_waiter *waiter; /* under lock */
    struct list turns;          /* under lock: who waits for the turn; net/fd.c */
    bool is_ready;              /* atomic: an event has come since it was cleared. Set under lock */
    bool is_drained;            /* atomic: the last call took all there was: not worth another before is_ready */
};

struct descriptor {
    uint64_t word;              /* atomic: generation and state; net/fd.c */
    int number;                 /* the kernel's; set while nobody can reach it */
    union lock lock;
    uint8_t kind;               /* enum fd_kind of net/fd.h; the same */
    bool is_registered;         /* atomic: known to epoll */
    bool is_shared;             /* atomic: others may have the number, or another of the same file */
    bool is_odd;                /* atomic: an end, an error or urgent data came: a short read proves nothing */
    struct descriptor *next_free;
    struct poll_half half[POLL_SIDES];
} __attribute__((aligned(CACHE_LINE)));

static always_inline uint64_t descriptor_generation(uint64_t word)
{
    return word >> 32;
}

/* A descriptor for this number. Its handle, or -ENOMEM; the first of all also -EMFILE, ... */
int64_t netpoll_open(int number, uint8_t kind);
/* Nobody uses it any more. Gives back the number, which is still open. */
int netpoll_close(struct descriptor *d);
/* The slot that a handle names, whatever uses it now; NULL: there is none. */
struct descriptor *netpoll_find(int64_t handle);

/*
 * Steps 3 and 4: parks m's goroutine, under its scope, until that side may be ready. 0; -EBADF once it is closed; the
 * scope's error; or why it cannot be registered. Then m is stale.
 */
int netpoll_wait(struct m *m, struct descriptor *d, enum poll_side side);
/* For both sides at once, `sides` with a bit for each. */
int netpoll_wait_sides(struct m *m, struct descriptor *d, uint32_t sides);
/* As netpoll_wait; but it ends, too, once `beside` is closed, another one, of whose other side the caller has the turn. */
int netpoll_wait_beside(struct m *m, struct descriptor *d, enum poll_side side, struct descriptor *beside);
/* It has been closed: takes those who wait for readiness, and claims them, to be made ready with -EBADF. */
uint32_t netpoll_wake_locked(struct descriptor *d, struct g *woken[POLL_SIDES]);

/* ---- for the scheduler ---- */

enum { POLL_EVENTS = 128 };

struct poll_events {
    int count;
    struct epoll_event event[POLL_EVENTS];
};

/* atomic: descriptors that epoll knows. */
extern uint32_t rung_registered;

static always_inline bool netpoll_is_used(void)
{
    return atomic_load_acquire(&rung_registered) != 0; /* acquire: pairs with register_with_epoll: the table is there */
}

/* Events are in the stash, and wait for who holds a p. */
bool netpoll_has_stash(void);
/* Asks, without waiting, and delivers. m holds a p. Whether a goroutine was made ready. */
bool netpoll_look(struct m *m);
/* Sleeps on m's note, and for events, which it gives back. Only for sched.poller. */
void netpoll_sleep(struct m *m, int64_t until, struct poll_events *events);
/* m holds a p. Whether a goroutine was made ready. */
bool netpoll_deliver(struct m *m, const struct poll_events *events);
/* Who got them has no p. sched.lock held. */
void netpoll_stash_locked(struct poll_events *events);
/* Sysmon's: asks if nobody else does, and puts the answer into the stash. */
void netpoll_round(int64_t now);
/* Whether a goroutine, or a thread, waits for a descriptor. */
bool netpoll_has_waiters(void);

#endif
