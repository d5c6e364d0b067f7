/* SPDX-License-Identifier: MIT */
/* os_fd.c: Linux behind os_fd.h. */
#define _GNU_SOURCE
#include "base/os_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/os.h"
#include "base/os_call.h"
#include "base/os_fault.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#define RWF_NO_SIGNAL 0x100 /* RWF_NOSIGNAL, Linux 6.18 */

#ifdef RUNG_ASSERT
int (*os_fault)(enum os_call call, size_t *count);
#endif

/* ---- sockets ---- */

int os_socket(int domain, int type, int protocol)
{
    return CALL(OS_SOCKET, socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

int os_socket_pair(int type, int fds[2])
{
    return CALL(OS_SOCKET_PAIR, socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
}

int os_bind(int fd, const void *address, uint32_t length)
{
    return CALL(OS_BIND, bind(fd, address, length));
}

int os_listen(int fd, int backlog)
{
    return CALL(OS_LISTEN, listen(fd, backlog));
}

int os_accept(int fd, void *address, uint32_t *length)
{
    return CALL(OS_ACCEPT, KERNEL(accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC),
                                  SYS_accept4, fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0));
}

int os_connect(int fd, const void *address, uint32_t length)
{
    return CALL(OS_CONNECT, KERNEL(connect(fd, address, length), SYS_connect, fd, address, length, 0, 0, 0));
}

int os_shutdown(int fd, int how)
{
    return CALL(OS_SHUTDOWN, shutdown(fd, how));
}

int os_option_set(int fd, int level, int name, const void *value, uint32_t length)
{
    return CALL(OS_OPTION_SET, setsockopt(fd, level, name, value, length));
}

int os_option_get(int fd, int level, int name, void *value, uint32_t *length)
{
    return CALL(OS_OPTION_GET, getsockopt(fd, level, name, value, length));
}

int os_name_local(int fd, void *address, uint32_t *length)
{
    return CALL(OS_NAME_LOCAL, getsockname(fd, address, length));
}

int os_name_peer(int fd, void *address, uint32_t *length)
{
    return CALL(OS_NAME_PEER, getpeername(fd, address, length));
}

int64_t os_receive(int fd, void *bytes, size_t count)
{
    return TRANSFER(OS_RECEIVE, &count, KERNEL(recv(fd, bytes, count, 0), SYS_recvfrom, fd, bytes, count, 0, 0, 0));
}

int64_t os_receive_told(int fd, void *bytes, size_t count, int *left)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = { .bytes = { 0 } };
    struct iovec part = { bytes, count };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    int64_t got = TRANSFER(OS_RECEIVE, &part.iov_len, KERNEL(recvmsg(fd, &message, 0),
                                                             SYS_recvmsg, fd, &message, 0, 0, 0, 0));
    struct cmsghdr *told = got >= 0 ? CMSG_FIRSTHDR(&message) : NULL;
    *left = -1;
    if (told != NULL && told->cmsg_level == SOL_TCP && told->cmsg_type == TCP_CM_INQ)
        memcpy(left, CMSG_DATA(told), sizeof *left);
    return got;
}

int64_t os_send(int fd, const void *bytes, size_t count)
{
    return TRANSFER(OS_SEND, &count, KERNEL(send(fd, bytes, count, MSG_NOSIGNAL),
                                            SYS_sendto, fd, bytes, count, MSG_NOSIGNAL, 0, 0));
}

int64_t os_receive_message(int fd, struct msghdr *message, int flags)
{
    return TRANSFER(OS_RECEIVE_MESSAGE, NULL, KERNEL(recvmsg(fd, message, flags | MSG_CMSG_CLOEXEC),
                                                     SYS_recvmsg, fd, message, flags | MSG_CMSG_CLOEXEC, 0, 0, 0));
}

int64_t os_send_message(int fd, const struct msghdr *message, int flags)
{
    return TRANSFER(OS_SEND_MESSAGE, NULL, KERNEL(sendmsg(fd, message, flags | MSG_NOSIGNAL),
                                                  SYS_sendmsg, fd, message, flags | MSG_NOSIGNAL, 0, 0, 0));
}

/* ---- any descriptor ---- */

int64_t os_read(int fd, void *bytes, size_t count)
{
    return TRANSFER(OS_READ, &count, KERNEL(read(fd, bytes, count), SYS_read, fd, bytes, count, 0, 0, 0));
}

int64_t os_readv(int fd, const struct iovec *parts, int count)
{
    return TRANSFER(OS_READV, NULL, KERNEL(readv(fd, parts, count), SYS_readv, fd, parts, count, 0, 0, 0));
}

/*
 * SIGPIPE goes to the thread that writes. Where the kernel cannot be asked not to send it, it is blocked meanwhile, and
 * eaten if it came; unless it was blocked before, and is somebody else's affair. It may come with a count as well: what
 * goes piece by piece (sendfile, splice, writes to pipes) tells of those before the one that met the broken pipe.
 */
static bool block_sigpipe(sigset_t *old)
{
    sigset_t broken;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken, old);
    return !sigismember(old, SIGPIPE);
}

static int64_t unblock_sigpipe(const sigset_t *old, bool was_open, int64_t result, size_t wanted)
{
    int error = errno;
    if (was_open && (result < 0 ? error == EPIPE : (size_t)result < wanted)) {
        sigset_t broken;
        sigemptyset(&broken);
        sigaddset(&broken, SIGPIPE);
        const struct timespec at_once = { 0, 0 };
        while (sigtimedwait(&broken, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    }
    if (was_open)
        pthread_sigmask(SIG_SETMASK, old, NULL);
    errno = error;
    return result;
}

#define QUIETLY(expression, wanted)                                                                \
    ({                                                                                             \
        sigset_t old_signals;                                                                      \
        bool was_open = block_sigpipe(&old_signals);                                               \
        unblock_sigpipe(&old_signals, was_open, (expression), wanted);                             \
    })

/*
 * To a call that is newer than their list sandboxes answer EPERM. Where that is about something else, the older call that is tried
 * instead says so, too.
 */
static bool is_unknown_call(int error)
{
    return error == ENOSYS || error == EPERM;
}

static int64_t write_parts(int fd, const struct iovec *parts, int count)
{
    static bool has_no_flag; /* atomic */
    if (!atomic_load_relaxed(&has_no_flag)) {
        ssize_t written = KERNEL(pwritev2(fd, parts, count, -1, RWF_NO_SIGNAL),
                                 SYS_pwritev2, fd, parts, count, -1, 0, RWF_NO_SIGNAL);
        if (written >= 0 || (errno != EOPNOTSUPP && errno != EINVAL && !is_unknown_call(errno)))
            return written;
        if (errno == EOPNOTSUPP || errno == ENOSYS) /* the others may be the file's */
            atomic_store_relaxed(&has_no_flag, true);
    }
    size_t wanted = 0;
    for (int i = 0; i < count; i++)
        wanted += parts[i].iov_len;
    return QUIETLY(KERNEL(writev(fd, parts, count), SYS_writev, fd, parts, count, 0, 0, 0), wanted);
}

int64_t os_write(int fd, const void *bytes, size_t count)
{
    struct iovec part = { (void *)bytes, count };
    return TRANSFER(OS_WRITE, &part.iov_len, write_parts(fd, &part, 1));
}

int64_t os_writev(int fd, const struct iovec *parts, int count)
{
    return TRANSFER(OS_WRITEV, NULL, write_parts(fd, parts, count));
}

int os_open(const char *path, int flags, unsigned mode)
{
    return CALL(OS_OPEN, KERNEL(open(path, flags | O_CLOEXEC | O_NONBLOCK, mode),
                                SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_NONBLOCK, mode, 0, 0));
}

int64_t os_read_cached(int fd, const struct iovec *parts, int count, int64_t offset)
{
    int64_t got = TRANSFER(OS_READ_CACHED, NULL, KERNEL(preadv2(fd, parts, count, offset, RWF_NOWAIT),
                                                        SYS_preadv2, fd, parts, count, offset, 0, RWF_NOWAIT));
    return got < 0 && is_unknown_call((int)-got) ? -EOPNOTSUPP : got;
}

int64_t os_read_offset(int fd, void *bytes, size_t count, int64_t offset)
{
    return TRANSFER(OS_READ_OFFSET, &count, KERNEL(pread(fd, bytes, count, offset),
                                                   SYS_pread64, fd, bytes, count, offset, 0, 0));
}

int64_t os_write_offset(int fd, const void *bytes, size_t count, int64_t offset)
{
    return TRANSFER(OS_WRITE_OFFSET, &count, KERNEL(pwrite(fd, bytes, count, offset),
                                                    SYS_pwrite64, fd, bytes, count, offset, 0, 0));
}

int os_sync(int fd)
{
    return CALL(OS_SYNC, KERNEL(fsync(fd), SYS_fsync, fd, 0, 0, 0, 0, 0));
}

int64_t os_file_size(int fd)
{
    struct stat status;
    int result = CALL(OS_STAT, fstat(fd, &status));
    return result < 0 ? result : S_ISREG(status.st_mode) ? (int64_t)status.st_size : -EINVAL;
}

int64_t os_sendfile(int to, int from, int64_t *offset, size_t count)
{
    return TRANSFER(OS_SENDFILE, &count, QUIETLY(KERNEL(sendfile(to, from, offset, count),
                                                        SYS_sendfile, to, from, offset, count, 0, 0), count));
}

int64_t os_splice(int from, int to, size_t count)
{
    return TRANSFER(OS_SPLICE, &count, QUIETLY(KERNEL(splice(from, NULL, to, NULL, count, SPLICE_F_NONBLOCK | SPLICE_F_MOVE),
                                                      SYS_splice, from, 0, to, 0, count, SPLICE_F_NONBLOCK | SPLICE_F_MOVE), count));
}

int os_close_fd(int fd)
{
    int error = CALL_ONCE(OS_CLOSE, KERNEL(close(fd), SYS_close, fd, 0, 0, 0, 0, 0));
    return error == -EINTR ? 0 : error; /* Linux has closed it */
}

int os_pipe(int fds[2], bool is_blocking)
{
    return CALL(OS_PIPE, pipe2(fds, O_CLOEXEC | (is_blocking ? 0 : O_NONBLOCK)));
}

int os_set_blocking(int fd, bool is_blocking)
{
    int flags = CALL(OS_FLAGS_GET, fcntl(fd, F_GETFL));
    if (flags < 0 || !(flags & O_NONBLOCK) == is_blocking)
        return flags < 0 ? flags : 0;
    return CALL(OS_FLAGS_SET, fcntl(fd, F_SETFL, flags ^ O_NONBLOCK));
}

int os_file_type(int fd)
{
    struct stat status;
    int result = CALL(OS_STAT, fstat(fd, &status));
    return result < 0 ? result : (int)(status.st_mode & S_IFMT);
}

/* ---- waiting ---- */

/* What is left until then; NULL for ever. */
static struct timespec *time_left(struct timespec *left, int64_t until)
{
    if (until == INT64_MAX)
        return NULL;
    int64_t nanoseconds = until != 0 ? until - os_now() : 0;
    if (nanoseconds < 0)
        nanoseconds = 0;
    *left = (struct timespec){ nanoseconds / 1000000000, nanoseconds % 1000000000 };
    return left;
}

int os_poll(struct pollfd *fds, uint32_t count, int64_t until)
{
    struct timespec left, *timeout = time_left(&left, until);
    return (int)CALL_WITH(OS_POLL, NULL, KERNEL(ppoll(fds, count, timeout, NULL), SYS_ppoll, fds, count, timeout, 0, 0, 0),
                          until == 0);
}

int os_epoll_new(void)
{
    return CALL(OS_EPOLL_NEW, epoll_create1(EPOLL_CLOEXEC));
}

int os_epoll_add(int epoll, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = { .events = events, .data.u64 = data };
    return CALL(OS_EPOLL_ADD, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

int os_epoll_change(int epoll, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = { .events = events, .data.u64 = data };
    return CALL(OS_EPOLL_CHANGE, epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
}

int os_epoll_remove(int epoll, int fd)
{
    struct epoll_event unused = { 0 };
    return CALL(OS_EPOLL_REMOVE, epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &unused));
}

static int wait_in_milliseconds(int epoll, struct epoll_event *events, int most, const struct timespec *left)
{
    int64_t milliseconds = -1;
    if (left != NULL)
        milliseconds = left->tv_sec < 1000000 ? left->tv_sec * 1000 + (left->tv_nsec + 999999) / 1000000 : 1000000000;
    return epoll_wait(epoll, events, most, (int)milliseconds);
}

static int wait_for_events(int epoll, struct epoll_event *events, int most, const struct timespec *left)
{
    static bool is_old; /* atomic: the kernel has no epoll_pwait2 */
    if (!atomic_load_relaxed(&is_old)) {
        int count = (int)KERNEL(syscall(SYS_epoll_pwait2, epoll, events, most, left, NULL, (size_t)0),
                                SYS_epoll_pwait2, epoll,
                                events, most, left, 0, 0);
        if (count >= 0 || !is_unknown_call(errno))
            return count;
        atomic_store_relaxed(&is_old, true);
    }
    return wait_in_milliseconds(epoll, events, most, left);
}

int os_epoll_wait(int epoll, struct epoll_event *events, int most, int64_t until)
{
    struct timespec left;
    return CALL_ONCE(OS_EPOLL_WAIT, wait_for_events(epoll, events, most, time_left(&left, until)));
}

int os_event_new(void)
{
    return CALL(OS_EVENT_NEW, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

int os_event_set(int fd)
{
    int saved = errno, result;
    do
        result = eventfd_write(fd, 1) == 0 ? 0 : -errno;
    while (result == -EINTR);
    errno = saved;
    return result;
}

void os_event_clear(int fd)
{
    int saved = errno;
    eventfd_t value;
    while (eventfd_read(fd, &value) < 0 && errno == EINTR)
        continue;
    errno = saved;
}
