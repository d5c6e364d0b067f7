/* SPDX-License-Identifier: MIT */
/*
 * fd.h: using a descriptor: who may, in which turn, until it is closed.
 *
 * d->word holds the generation and the state in one, so that one compare-and-swap both sees that the handle still names this
 * descriptor, and counts its user in. What has users is not closed in the kernel, and its slot not used again:
 *
 *   begin   one more user, and the side's busy bit; if that is set already: queued under d->lock until it is handed over
 *   end     one user less, and the busy bit cleared, or left for the first who is queued
 *   close   FD_CLOSED, and wake all who wait: nobody begins any more. Who brings the users to 0 then frees the slot,
 *           which gets another generation, and closes the number
 *
 * FD_QUEUED is set and cleared under d->lock: legal to be set with nobody queued, illegal to be clear while somebody is.
 */
#ifndef RUNG_FD_H
#define RUNG_FD_H

#include <errno.h>
#include <rung_net.h>

#include "base/os_fd.h"
#include "sched/netpoll.h"
#include "sched/park.h"

/* STREAM: a pipe, a tty, an eventfd, ...; FILE: what blocks whatever one asks for. */
enum fd_kind { FD_TCP = 1, FD_SOCKET, FD_STREAM, FD_FILE };

static always_inline bool fd_is_socket(const struct descriptor *d)
{
    return d->kind <= FD_SOCKET;
}

/* The kind of a number's file: enum fd_kind; -EINVAL for a directory. */
int fd_kind_of(int number);

/* One more user, without a turn. The scope is not asked. 0 or -EBADF. */
int fd_use(rung_fd handle, struct descriptor **d);
/* One user less. Ends the call into the runtime. Gives back `result`, or why the kernel could not close it. */
int64_t fd_drop(struct m *m, struct descriptor *d, int64_t result);

/* The turn of one who is a user already: 0, -EBADF or the scope's error. *m is the m it then runs on. */
int fd_turn_take(struct m **m, struct descriptor *d, enum poll_side side);
void fd_turn_give(struct m *m, struct descriptor *d, enum poll_side side);

int fd_begin_slow(struct m **m, rung_fd handle, enum poll_side side, struct descriptor **d);
int64_t fd_end_slow(struct m *m, struct descriptor *d, enum poll_side side, int64_t result);

/* Makes a descriptor of a number that is open and non-blocking; closes that where it can't. */
rung_fd fd_open(int number, enum fd_kind kind);
/* The same for both of a pair, or neither. 0 or -errno. */
int fd_open_both(const int numbers[2], enum fd_kind first, enum fd_kind second, rung_fd pair[2]);

static always_inline bool fd_is_named(uint64_t word, rung_fd handle)
{
    return (descriptor_generation(word) == (uint64_t)handle >> 32 || MUTANT(STALE_GENERATION)) && !(word & FD_CLOSED);
}

/* A user with a turn. 0, -EBADF, or the scope's error. *m is the m it then runs on. */
static always_inline int fd_begin(struct m **m, rung_fd handle, enum poll_side side, struct descriptor **found)
{
    int ended = atomic_load_relaxed(&m_g(*m)->ended);
    if (unlikely(ended != 0))
        return ended;
    struct descriptor *d = *found = netpoll_find(handle);
    if (unlikely(d == NULL))
        return -EBADF;
    uint64_t word = atomic_load_relaxed(&d->word);
    if (likely(fd_is_named(word, handle) && !(word & FD_BUSY << side)) &&
        likely(atomic_cas_acquire(&d->word, &word, (word + FD_USER) | FD_BUSY << side))) /* pairs with netpoll_open, fd_end */
        return 0;
    return fd_begin_slow(m, handle, side, found);
}

/* Ends it, and the call into the runtime. Gives back `result`. */
static always_inline int64_t fd_end(struct m *m, struct descriptor *d, enum poll_side side, int64_t result)
{
    uint64_t word = atomic_load_relaxed(&d->word);
    if (likely(!(word & (FD_CLOSED | FD_QUEUED << side))) &&
        likely(atomic_cas_release(&d->word, &word, (word - FD_USER) & ~(uint64_t)(FD_BUSY << side)))) { /* pairs with fd_begin */
        leave_m(m);
        return result;
    }
    return fd_end_slow(m, d, side, result);
}

/* One try at a system call: its result, -EAGAIN if it would block. It may set is_drained. */
typedef int64_t fd_attempt(struct descriptor *d, void *arg);

/* Step 1 of netpoll.h's recipe: what is seen from now on is news. */
static always_inline void fd_begin_look(struct poll_half *half)
{
    atomic_store_relaxed(&half->is_ready, false);
    atomic_store_relaxed(&half->is_drained, false);
    fence_seq_cst(); /* pairs with deliver_one: poll, and UDP where its queue is empty, look without a lock of the kernel's */
}

/* Steps 1 and 2 of netpoll.h's recipe; or straight to waiting, if it is known that there is nothing. */
static always_inline int64_t fd_try(struct descriptor *d, enum poll_side side, fd_attempt *attempt, void *arg)
{
    struct poll_half *half = &d->half[side];
    bool is_ready = atomic_load_acquire(&half->is_ready); /* acquire: pairs with deliver_one: is_odd */
    if (!is_ready && atomic_load_relaxed(&half->is_drained))
        return -EAGAIN;
    if (is_ready)
        fd_begin_look(half);
    return attempt(d, arg);
}

/*
 * A TCP socket that gave less than was asked for, or says so, has no more, and what comes will be an event: unless its
 * end, an error or urgent data came before, which end a read early, and for which there is no other event.
 */
static always_inline void fd_was_short(struct descriptor *d, enum poll_side side)
{
    if (d->kind == FD_TCP && atomic_load_relaxed(&d->is_registered) && !atomic_load_relaxed(&d->is_odd))
        atomic_store_relaxed(&d->half[side].is_drained, true);
}

/* What an attempt gives back for a file: it would block, and cannot be waited for. file.c does it then, outside the runtime. */
#define FD_BLOCKS INT64_MIN

/* Tries until it has a result that is not -EAGAIN, and parks in between. */
static always_inline int64_t fd_do(rung_fd handle, enum poll_side side, fd_attempt *attempt, void *arg)
{
    struct descriptor *d;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int64_t result = fd_begin(&m, handle, side, &d);
    if (unlikely(result != 0)) {
        leave_m(m);
        return result;
    }
    while (unlikely((result = fd_try(d, side, attempt, arg)) == -EAGAIN)) {
        result = netpoll_wait(m, d, side);
        m = machine_m();
        if (unlikely(result != 0))
            break;
    }
    return fd_end(m, d, side, result);
}

/* One system call on a descriptor, without a turn, that never blocks. */
static always_inline int64_t fd_ask(rung_fd handle, fd_attempt *attempt, void *arg)
{
    struct descriptor *d;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int64_t result = fd_use(handle, &d);
    if (result == 0)
        return fd_drop(m, d, attempt(d, arg));
    leave_m(m);
    return result;
}

#endif
