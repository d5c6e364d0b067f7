/* SPDX-License-Identifier: MIT */
/* message.c: datagrams and other messages that keep their borders, their addresses, and descriptors that travel along. */
#include <string.h>
#include <sys/socket.h>

#include "net/fd.h"

enum { MOST_PASSED = 253 /* the kernel's SCM_MAX_FD */, MOST_PARTS = 1024 };
#define LAST_DELAY RUNG_MILLISECONDS(5)

/* ---- sending ---- */

struct passing {
    struct msghdr message;
    union {
        char bytes[CMSG_SPACE(MOST_PASSED * sizeof(int))];
        struct cmsghdr header;
    } control;
};

static int64_t try_send(struct descriptor *d, void *arg)
{
    return os_send_message(d->number, arg, 0);
}

static int64_t try_send_once(struct descriptor *d, void *arg)
{
    int64_t sent = os_send_message(d->number, arg, 0);
    return sent == -EAGAIN ? FD_BLOCKS : sent;
}

/*
 * To a Unix address: there the queue that is full is the receiver's, and nothing that the sender could wait for tells when it has
 * room again. Each failed try even tells that there is some.
 */
static cold int64_t send_to_unix(rung_fd fd, struct msghdr *message)
{
    for (int64_t delay = RUNG_MICROSECONDS(100);; delay = delay * 2 < LAST_DELAY ? delay * 2 : LAST_DELAY) {
        int64_t sent = fd_do(fd, POLL_WRITE, try_send_once, message);
        int error = sent == FD_BLOCKS ? rung_sleep(delay) : 0;
        if (sent != FD_BLOCKS || error != 0)
            return error != 0 ? error : sent;
    }
}

static int64_t send_message(rung_fd fd, struct msghdr *message)
{
    const struct sockaddr *to = message->msg_name;
    bool is_unix = to != NULL && message->msg_namelen >= sizeof to->sa_family && to->sa_family == AF_UNIX;
    return unlikely(is_unix) ? send_to_unix(fd, message) : fd_do(fd, POLL_WRITE, try_send, message);
}

/* To whom; NULL: where the socket is connected to. */
static void put_address(struct msghdr *message, const rung_address *to)
{
    message->msg_name = to != NULL ? (void *)to->storage : NULL;
    message->msg_namelen = to != NULL ? to->length : 0;
}

static void let_go(struct descriptor **held, int count)
{
    for (int i = 0; i < count; i++)
        (void)fd_drop(enter(), held[i], 0);
}

/* Uses them all, so that none is closed on its way: whose number it had might be another's by then. */
static int hold(struct descriptor **held, int *numbers, const rung_fd *fds, int count)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int error = 0, i;
    for (i = 0; i < count && (error = fd_use(fds[i], &held[i])) == 0; i++) {
        numbers[i] = held[i]->number;
        atomic_store_relaxed(&held[i]->is_shared, true);
    }
    leave_m(m);
    if (error != 0)
        let_go(held, i);
    return error;
}

/* The kernel's numbers go; whoever gets them has others of the same files. */
static void put_numbers(struct passing *passing, const int *numbers, int count)
{
    size_t bytes = (size_t)count * sizeof(int);
    memset(&passing->control, 0, CMSG_SPACE(bytes));
    passing->message.msg_control = &passing->control;
    passing->message.msg_controllen = CMSG_SPACE(bytes);
    struct cmsghdr *header = CMSG_FIRSTHDR(&passing->message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(header), numbers, bytes);
}

static int64_t send_with(rung_fd fd, struct passing *passing, const rung_fd *fds, int count)
{
    struct descriptor *held[MOST_PASSED];
    int numbers[MOST_PASSED];
    int error = hold(held, numbers, fds, count);
    if (error != 0)
        return error;
    put_numbers(passing, numbers, count);
    int64_t sent = send_message(fd, &passing->message);
    let_go(held, count);
    return sent;
}

static bool is_sound(const rung_message *message)
{
    return message != NULL && message->part_count >= 0 && message->part_count <= MOST_PARTS && message->fd_count >= 0 &&
           message->fd_count <= MOST_PASSED && (message->fds != NULL || message->fd_count == 0);
}

int64_t rung_send_message(rung_fd fd, const rung_message *message)
{
    struct passing passing;
    if (!is_sound(message))
        return -EINVAL;
    passing.message = (struct msghdr){ .msg_iov = (struct iovec *)message->parts, .msg_iovlen = (size_t)message->part_count };
    put_address(&passing.message, message->address);
    if (message->fd_count > 0)
        return send_with(fd, &passing, message->fds, message->fd_count);
    return send_message(fd, &passing.message);
}

int64_t rung_send_to(rung_fd fd, const void *bytes, size_t count, const rung_address *to)
{
    struct iovec part = { (void *)bytes, count };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    put_address(&message, to);
    return send_message(fd, &message);
}

/* ---- receiving ---- */

static int64_t try_receive(struct descriptor *d, void *arg)
{
    struct msghdr *message = arg, asked = *message;
    int64_t got = os_receive_message(d->number, message, 0);
    if (got < 0)
        *message = asked;
    if (d->kind == FD_TCP) /* it is only what TCP_INQ tells that found no room */
        message->msg_flags &= ~MSG_CTRUNC;
    return got;
}

/* From whom; nobody, until it is told. NULL: not to be told. */
static void ask_address(struct msghdr *message, rung_address *from)
{
    if (from == NULL)
        return;
    *from = (rung_address){ .length = 0 };
    message->msg_name = from->storage;
    message->msg_namelen = sizeof from->storage;
}

int64_t rung_receive_from(rung_fd fd, void *bytes, size_t capacity, rung_address *from)
{
    struct iovec part = { bytes, capacity };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    ask_address(&message, from);
    int64_t got = fd_do(fd, POLL_READ, try_receive, &message);
    if (got >= 0 && from != NULL)
        from->length = message.msg_namelen;
    return got;
}

/* A rung_fd for a number that has come, of whatever kind; -errno, and it is closed. */
static rung_fd take_number(int number)
{
    rung_fd fd = rung_fd_adopt(number);
    if (fd < 0)
        os_close_fd(number);
    return fd;
}

/* Gives back the first error; then all are closed. */
static int64_t take_numbers(struct msghdr *received, rung_message *message)
{
    rung_fd error = 0;
    message->fd_count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(received); header != NULL; header = CMSG_NXTHDR(received, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= header->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int number;
            memcpy(&number, CMSG_DATA(header) + at, sizeof number);
            rung_fd fd = take_number(number);
            if (fd >= 0)
                message->fds[message->fd_count++] = fd;
            else
                error = error != 0 ? error : fd;
        }
    }
    while (error != 0 && message->fd_count > 0)
        rung_close(message->fds[--message->fd_count]);
    return error;
}

int64_t rung_receive_message(rung_fd fd, rung_message *message)
{
    struct passing passing;
    if (!is_sound(message))
        return -EINVAL;
    int room = message->fd_count;
    passing.message = (struct msghdr){ .msg_iov = (struct iovec *)message->parts, .msg_iovlen = (size_t)message->part_count };
    ask_address(&passing.message, message->address);
    if (room > 0) {
        passing.message.msg_control = &passing.control;
        passing.message.msg_controllen = CMSG_LEN((size_t)room * sizeof(int)); /* not _SPACE, in which one more may fit */
    }
    int64_t got = fd_do(fd, POLL_READ, try_receive, &passing.message);
    if (got < 0)
        return got;
    if (message->address != NULL)
        message->address->length = passing.message.msg_namelen;
    message->is_truncated = (passing.message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    int64_t error = take_numbers(&passing.message, message);
    return error != 0 ? error : got;
}
