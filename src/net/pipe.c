/* SPDX-License-Identifier: MIT */
/* pipe.c: pipes, and bytes that go from one descriptor to another without passing through the program. */
#include <poll.h>
#include <sys/sendfile.h>

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

/* EAGAIN does not say which of the two would block. */
static int wait_for_move(struct m *m, struct move *move)
{
    struct pollfd fds[2] = { { .fd = move->from->number, .events = POLLIN },
                             { .fd = move->to->number, .events = POLLOUT } };
    int count = os_poll(fds, 2, 0);
    if (count < 0)
        return count;
    if (fds[0].revents != 0 && fds[1].revents == 0)
        return netpoll_wait(m, move->to, POLL_WRITE);
    if (fds[0].revents == 0)
        return netpoll_wait(m, move->from, POLL_READ);
    return 0; /* both can go on by now */
}

int64_t rung_splice(rung_fd from, rung_fd to, size_t count)
{
    struct move move;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int64_t result = begin_move(&m, &move, from, to);
    if (result != 0) {
        leave_m(m);
        return result;
    }
    for (bool is_worth = count == 0 || is_worth_a_try(move.from);; is_worth = true) {
        fd_begin_look(&move.from->half[POLL_READ]);
        fd_begin_look(&move.to->half[POLL_WRITE]);
        result = count == 0 ? 0 : is_worth ? os_splice(move.from->number, move.to->number, count) : -EAGAIN;
        if (result != -EAGAIN)
            break;
        result = wait_for_move(m, &move);
        m = machine_m();
        if (result != 0)
            break;
    }
    return end_move(m, &move, result);
}
