/* SPDX-License-Identifier: MIT */
/* pipe.c: pipes, and bytes that go from one descriptor to another without passing through the program. */
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#include "net/fd.h"

int rung_pipe(rung_fd ends[2])
{
    int numbers[2];
    if (ends == NULL)
        return -EINVAL;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int error = os_pipe(numbers, false);
    if (error == 0)
        error = fd_open_both(numbers, FD_STREAM, FD_STREAM, ends);
    leave_m(m);
    return error;
}

/* ---- moving ---- */

/* Two descriptors, each a user and in its turn: `from` to read, `to` to write. */
struct move {
    struct descriptor *from, *to;
    size_t count;
};

static int begin_move(struct m **m, struct move *move, rung_fd from, rung_fd to)
{
    int error = fd_begin(m, from, POLL_READ, &move->from);
    if (error != 0)
        return error;
    error = fd_begin(m, to, POLL_WRITE, &move->to);
    if (error != 0) {
        (void)fd_end(*m, move->from, POLL_READ, 0);
        *m = enter();
    }
    return error;
}

static int64_t end_move(struct m *m, struct move *move, int64_t result)
{
    (void)fd_end(m, move->to, POLL_WRITE, 0);
    return fd_end(enter(), move->from, POLL_READ, result);
}

/*
 * Whether there is likely to be something: a try costs three system calls where SIGPIPE has to be held off, to ask only one. Who
 * forwards what comes has mostly taken all of it, and is here again before there is more.
 */
static bool is_worth_a_try(const struct descriptor *from)
{
    return !atomic_load_relaxed(&from->is_registered) || atomic_load_relaxed(&from->half[POLL_READ].is_ready);
}

/*
 * Splice stops in front of an urgent byte of TCP's for ever, or takes it for the end. Reading leaves it out: so what comes next goes
 * by hand. A pipe that can be written has room for it.
 */
static cold noinline int64_t move_by_hand(const struct move *move)
{
    char bytes[PIPE_BUF];
    struct iovec part = { bytes, move->count < sizeof bytes ? move->count : sizeof bytes };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    int64_t got = os_receive_message(move->from->number, &message, MSG_PEEK);
    int64_t put = got > 0 ? os_write(move->to->number, bytes, (size_t)got) : got;
    return put > 0 ? os_receive(move->from->number, bytes, (size_t)put) : put;
}

/* -EAGAIN: one of the two would block; it does not say which. `is_stuck`: neither would, and splice has said so all the same. */
static int64_t try_move(const struct move *move, bool is_stuck)
{
    bool may_be_urgent = move->from->kind == FD_TCP;
    int64_t moved = may_be_urgent && is_stuck ? 0 : os_splice(move->from->number, move->to->number, move->count);
    return may_be_urgent && moved == 0 ? move_by_hand(move) : moved;
}

enum { WAITED = 0, BOTH_READY = 1 };

/* Waits for the one that would block, and hears if the other is closed meanwhile. */
static int wait_for_move(struct m *m, struct move *move)
{
    struct pollfd fds[2] = { { .fd = move->from->number, .events = POLLIN },
                             { .fd = move->to->number, .events = POLLOUT } };
    int count = os_poll(fds, 2, 0);
    if (count < 0)
        return count;
    if (move->from == move->to) /* no kernel moves anything there, which the next try tells */
        return WAITED;
    if (fds[0].revents == 0)
        return netpoll_wait_beside(m, move->from, POLL_READ, move->to);
    if (fds[1].revents == 0)
        return netpoll_wait_beside(m, move->to, POLL_WRITE, move->from);
    return BOTH_READY;
}

int64_t rung_splice(rung_fd from, rung_fd to, size_t count)
{
    struct move move = { .count = count };
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int64_t result = begin_move(&m, &move, from, to);
    if (result != 0) {
        leave_m(m);
        return result;
    }
    for (bool is_tried = is_worth_a_try(move.from), is_stuck = false; count > 0; is_tried = true) {
        fd_begin_look(&move.from->half[POLL_READ]);
        fd_begin_look(&move.to->half[POLL_WRITE]);
        result = is_tried ? try_move(&move, is_stuck) : -EAGAIN;
        if (result != -EAGAIN)
            break;
        int waited = wait_for_move(m, &move);
        m = machine_m();
        if (waited < 0) {
            result = waited;
            break;
        }
        is_stuck = is_tried && !is_stuck && waited == BOTH_READY; /* or one has become ready since */
    }
    return end_move(m, &move, result);
}
