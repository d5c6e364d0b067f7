/* SPDX-License-Identifier: MIT */
/* stream.c: reading and writing bytes. What a full transfer has done so far lies in its call, and the turn is its own. */
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include "net/fd.h"
#include "net/file.h"

enum { MOST_PARTS = 1024 }; /* the kernel's UIO_MAXIOV */

/* ---- one buffer ---- */

struct transfer {
    char *bytes;
    size_t count, done;
};

/* Of a file: without blocking, or not here. */
static cold int64_t read_other(struct descriptor *d, const struct iovec *parts, int count)
{
    if (d->kind != FD_FILE)
        return os_readv(d->number, parts, count);
    int64_t got = os_read_cached(d->number, parts, count, -1);
    return got == -EAGAIN || got == -EOPNOTSUPP ? FD_BLOCKS : got;
}

static always_inline int64_t read_once(struct descriptor *d, void *bytes, size_t count)
{
    if (!fd_is_socket(d)) {
        struct iovec part = { bytes, count };
        return d->kind == FD_STREAM ? os_read(d->number, bytes, count) : read_other(d, &part, 1);
    }
    int64_t got = os_receive(d->number, bytes, count);
    if (got > 0 && (size_t)got < count)
        fd_was_short(d, POLL_READ);
    return got;
}

static int64_t try_read(struct descriptor *d, void *arg)
{
    struct transfer *transfer = arg;
    return transfer->count != 0 ? read_once(d, transfer->bytes, transfer->count) : 0;
}

int64_t rung_read(rung_fd fd, void *bytes, size_t count)
{
    struct transfer transfer = { bytes, count, 0 };
    int64_t result = fd_do(fd, POLL_READ, try_read, &transfer);
    return likely(result != FD_BLOCKS) ? result : file_read(fd, bytes, count);
}

/* Mostly all of a message and no more: asks how much more there is, else the next read would have to try. */
static int64_t read_rest(struct descriptor *d, void *bytes, size_t count)
{
    int left;
    if (d->kind != FD_TCP || !atomic_load_relaxed(&d->is_registered))
        return read_once(d, bytes, count);
    int64_t got = os_receive_told(d->number, bytes, count, &left);
    if (got > 0 && (left == 0 || (size_t)got < count))
        fd_was_short(d, POLL_READ);
    return got;
}

static int64_t try_read_full(struct descriptor *d, void *arg)
{
    struct transfer *transfer = arg;
    while (transfer->done < transfer->count) {
        int64_t got = read_rest(d, transfer->bytes + transfer->done, transfer->count - transfer->done);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        transfer->done += (size_t)got;
        if (transfer->done < transfer->count && atomic_load_relaxed(&d->half[POLL_READ].is_drained))
            return -EAGAIN;
    }
    return (int64_t)transfer->done;
}

int64_t rung_read_full(rung_fd fd, void *bytes, size_t count)
{
    struct transfer transfer = { bytes, count, 0 };
    int64_t result;
    while (unlikely((result = fd_do(fd, POLL_READ, try_read_full, &transfer)) == FD_BLOCKS)) {
        int64_t got = file_read(fd, transfer.bytes + transfer.done, count - transfer.done);
        if (got <= 0)
            return got < 0 ? got : (int64_t)transfer.done;
        transfer.done += (size_t)got;
    }
    return result;
}

static always_inline int64_t write_once(struct descriptor *d, const void *bytes, size_t count)
{
    if (unlikely(d->kind == FD_FILE))
        return FD_BLOCKS;
    return fd_is_socket(d) ? os_send(d->number, bytes, count) : os_write(d->number, bytes, count);
}

static int64_t try_write(struct descriptor *d, void *arg)
{
    struct transfer *transfer = arg;
    return transfer->count != 0 ? write_once(d, transfer->bytes, transfer->count) : 0;
}

int64_t rung_write(rung_fd fd, const void *bytes, size_t count)
{
    struct transfer transfer = { (char *)bytes, count, 0 };
    int64_t result = fd_do(fd, POLL_WRITE, try_write, &transfer);
    return likely(result != FD_BLOCKS) ? result : file_write(fd, bytes, count, false);
}

static int64_t try_write_full(struct descriptor *d, void *arg)
{
    struct transfer *transfer = arg;
    while (transfer->done < transfer->count) {
        int64_t put = write_once(d, transfer->bytes + transfer->done, transfer->count - transfer->done);
        if (put < 0)
            return put;
        transfer->done += (size_t)put;
    }
    return (int64_t)transfer->done;
}

int64_t rung_write_full(rung_fd fd, const void *bytes, size_t count)
{
    struct transfer transfer = { (char *)bytes, count, 0 };
    int64_t result = fd_do(fd, POLL_WRITE, try_write_full, &transfer);
    return likely(result != FD_BLOCKS) ? result : file_write(fd, bytes, count, true);
}

/* ---- parts ---- */

struct parts {
    const struct iovec *parts;
    int count;
    size_t done;   /* of the sum */
    size_t total;
};

static int64_t add_up(const struct iovec *parts, int count)
{
    size_t total = 0;
    if (count < 0 || count > MOST_PARTS)
        return -EINVAL;
    if (parts == NULL && count > 0)
        return -EFAULT;
    for (int i = 0; i < count; i++)
        if (__builtin_add_overflow(total, parts[i].iov_len, &total) || total > SSIZE_MAX)
            return -EINVAL;
    return (int64_t)total;
}

static int64_t try_readv(struct descriptor *d, void *arg)
{
    struct parts *call = arg;
    if (call->total == 0)
        return 0;
    if (!fd_is_socket(d))
        return read_other(d, call->parts, call->count);
    struct msghdr message = { .msg_iov = (struct iovec *)call->parts, .msg_iovlen = (size_t)call->count };
    int64_t got = os_receive_message(d->number, &message, 0);
    if (got > 0 && (size_t)got < call->total)
        fd_was_short(d, POLL_READ);
    return got;
}

int64_t rung_readv(rung_fd fd, const struct iovec *parts, int count)
{
    int64_t total = add_up(parts, count);
    if (total < 0)
        return total;
    struct parts call = { parts, count, 0, (size_t)total };
    int64_t result = fd_do(fd, POLL_READ, try_readv, &call);
    return likely(result != FD_BLOCKS) ? result : file_readv(fd, parts, count);
}

static int64_t writev_once(struct descriptor *d, const struct iovec *parts, int count)
{
    if (unlikely(d->kind == FD_FILE))
        return FD_BLOCKS;
    if (!fd_is_socket(d))
        return os_writev(d->number, parts, count);
    struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count };
    return os_send_message(d->number, &message, 0);
}

static int64_t try_writev(struct descriptor *d, void *arg)
{
    struct parts *call = arg;
    return call->total != 0 ? writev_once(d, call->parts, call->count) : 0;
}

int64_t rung_writev(rung_fd fd, const struct iovec *parts, int count)
{
    int64_t total = add_up(parts, count);
    if (total < 0)
        return total;
    struct parts call = { parts, count, 0, (size_t)total };
    int64_t result = fd_do(fd, POLL_WRITE, try_writev, &call);
    return likely(result != FD_BLOCKS) ? result : file_writev(fd, parts, count, false);
}

/* What is left of the part that `done` lies in, and whether others follow it untouched. */
static const struct iovec *rest_of_part(const struct parts *call, struct iovec *rest, int *left)
{
    size_t skip = call->done;
    const struct iovec *part = call->parts;
    while (skip >= part->iov_len)
        skip -= part++->iov_len;
    *left = call->count - (int)(part - call->parts);
    *rest = (struct iovec){ (char *)part->iov_base + skip, part->iov_len - skip };
    return skip == 0 ? part : NULL;
}

/* A part that was torn is written out by itself: the caller's array is not ours to change. */
static int64_t try_writev_full(struct descriptor *d, void *arg)
{
    struct parts *call = arg;
    while (call->done < call->total) {
        struct iovec rest;
        int left;
        const struct iovec *whole = rest_of_part(call, &rest, &left);
        int64_t put = whole != NULL ? writev_once(d, whole, left) : write_once(d, rest.iov_base, rest.iov_len);
        if (put < 0)
            return put;
        call->done += (size_t)put;
    }
    return (int64_t)call->done;
}

int64_t rung_writev_full(rung_fd fd, const struct iovec *parts, int count)
{
    int64_t total = add_up(parts, count);
    if (total < 0)
        return total;
    struct parts call = { parts, count, 0, (size_t)total };
    int64_t result = fd_do(fd, POLL_WRITE, try_writev_full, &call);
    return likely(result != FD_BLOCKS) ? result : file_writev(fd, parts, count, true);
}
