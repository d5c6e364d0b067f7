/* SPDX-License-Identifier: MIT */
/* Pipes, a tty, an eventfd, inotify and a pidfd, adopted: read, written, waited for, spliced, given back. No SIGPIPE. */
#include "net.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/wait.h>

static rung_fd ends[2];

static int write_later(void *arg)
{
    EXPECT_EQ(rung_sleep(MS(5)), 0);
    EXPECT_EQ(rung_write_full(*(rung_fd *)arg, "later", 5), 5);
    return 0;
}

static void pipes(void)
{
    char bytes[8];
    EXPECT_EQ(rung_pipe(ends), 0);
    EXPECT_EQ(rung_pipe(NULL), -EINVAL);
    go(write_later, &ends[1]);
    EXPECT_EQ(rung_fd_wait(ends[0], RUNG_READ), RUNG_READ);
    EXPECT_EQ(rung_read_full(ends[0], bytes, 5), 5);
    struct iovec parts[2] = { { "ab", 2 }, { "cde", 3 } };
    EXPECT_EQ(rung_writev(ends[1], parts, 2), 5);
    EXPECT_EQ(rung_writev_full(ends[1], parts, 2), 5);
    EXPECT_EQ(rung_read(ends[0], bytes, 8), 8);
    EXPECT_EQ(rung_fd_wait(ends[1], RUNG_READ | RUNG_WRITE), RUNG_WRITE);
    EXPECT_EQ(rung_close(ends[0]), 0);
    int64_t put;
    while ((put = rung_write(ends[1], "x", 1)) == 1) /* the kernel, in another thread's epoll_wait, may hold the other end a moment longer */
        continue;
    EXPECT_EQ(put, -EPIPE);
    EXPECT_EQ(rung_writev(ends[1], parts, 2), -EPIPE);
    EXPECT_EQ(rung_close(ends[1]), 0);
}

static int splice_all(void *arg)
{
    rung_fd *fds = arg;
    int64_t got;
    while ((got = rung_splice(fds[0], fds[1], 1 << 16)) > 0)
        continue;
    EXPECT_EQ(got, 0);
    return rung_fd_wait(fds[1], RUNG_WRITE) > 0 ? rung_close(fds[1]) : -1;
}

struct stream {
    rung_fd fd;
    size_t bytes;
};

static int pour(void *arg)
{
    struct stream *stream = arg;
    static char bytes[10007];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    for (size_t left = stream->bytes; left > 0;) {
        size_t count = left < sizeof bytes ? left : sizeof bytes;
        EXPECT_EQ(rung_write_full(stream->fd, bytes, count), count);
        left -= count;
    }
    return rung_shutdown(stream->fd, RUNG_WRITE);
}

/* A socket, into a pipe, into a socket. */
static void splices(void)
{
    rung_fd in[2], out[2], first[2], second[2];
    rung_group group;
    connect_pair(in);
    connect_pair(out);
    EXPECT_EQ(rung_pipe(ends), 0);
    struct stream stream = { in[0], (size_t)test_scaled(10) << 20 };
    first[0] = in[1], first[1] = ends[1];
    second[0] = ends[0], second[1] = out[0];
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, pour, &stream);
    group_go(&group, splice_all, first);
    group_go(&group, splice_all, second);
    static char bytes[10007];
    size_t total = 0;
    int64_t got;
    while ((got = rung_read_full(out[1], bytes, sizeof bytes)) > 0) {
        for (int64_t i = 0; i < got; i += 97)
            EXPECT_EQ(bytes[i], (char)(i % 251));
        total += (size_t)got;
    }
    EXPECT_EQ(got, 0);
    EXPECT_EQ(total, stream.bytes);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_splice(in[1], out[1], 10), -EINVAL); /* no pipe among them */
    EXPECT_EQ(rung_close(ends[0]), 0);
    close_pair(in);
    EXPECT_EQ(rung_close(out[1]), 0);
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, in), 0);
    EXPECT_EQ(rung_pipe(ends), 0);
    EXPECT_EQ(rung_write(ends[1], "x", 1), 1);
    EXPECT_EQ(rung_close(in[1]), 0);
    EXPECT_EQ(rung_splice(ends[0], in[0], 10), -EPIPE); /* and no SIGPIPE */
    EXPECT_EQ(rung_close(in[0]), 0);
    close_pair(ends);
}

static void others(void)
{
    char bytes[512], name[64];
    uint64_t value = 3;
    rung_fd fd = rung_fd_adopt(eventfd(0, 0));
    EXPECT(fd >= 0);
    EXPECT_EQ(rung_write(fd, &value, 8), 8);
    EXPECT_EQ(rung_read(fd, &value, 8), 8);
    EXPECT_EQ(value, 3);
    int number = rung_fd_release(fd);
    EXPECT(number >= 0);
    EXPECT_EQ(rung_close(fd), -EBADF);
    EXPECT_EQ(eventfd_write(number, 1), 0); /* it is still open */
    close(number);

    strcpy(name, "/tmp/rung-net-XXXXXX");
    int watch = inotify_init1(0);
    EXPECT(inotify_add_watch(watch, "/tmp", IN_CREATE) >= 0);
    fd = rung_fd_adopt(watch);
    int file = mkstemp(name);
    EXPECT(rung_read(fd, bytes, sizeof bytes) > 0);
    EXPECT_EQ(rung_close(fd), 0);
    fd = rung_fd_adopt(file);
    EXPECT_EQ(rung_write(fd, "x", 1), 1); /* a regular file is one, too */
    EXPECT_EQ(rung_close(fd), 0);
    unlink(name);
    int directory = open("/tmp", O_RDONLY);
    EXPECT_EQ(rung_fd_adopt(directory), -EINVAL);
    close(directory);

    int tty = posix_openpt(O_RDWR | O_NOCTTY);
    EXPECT(grantpt(tty) == 0 && unlockpt(tty) == 0 && ptsname_r(tty, name, sizeof name) == 0);
    fd = rung_fd_adopt(open(name, O_RDWR | O_NOCTTY));
    EXPECT(fd >= 0);
    EXPECT_EQ(write(tty, "line\n", 5), 5);
    EXPECT_EQ(rung_read(fd, bytes, sizeof bytes), 5);
    EXPECT_EQ(rung_close(fd), 0);
    close(tty);
}

static void pidfd(void)
{
    char *arguments[] = { "sleep", "0.02", NULL };
    char *environment[] = { NULL };
    pid_t child;
    EXPECT_EQ(posix_spawnp(&child, "sleep", NULL, NULL, arguments, environment), 0);
    int number = (int)syscall(434 /* pidfd_open */, child, 0);
    if (number >= 0) { /* qemu-user may not know it */
        rung_fd fd = rung_fd_adopt(number);
        EXPECT_EQ(rung_fd_wait(fd, RUNG_READ), RUNG_READ);
        EXPECT_EQ(rung_close(fd), 0);
    }
    EXPECT_EQ(waitpid(child, NULL, number >= 0 ? WNOHANG : 0), child);
}

static int app(void *arg)
{
    (void)arg;
    int before = open_sockets();
    pipes();
    splices();
    others();
    pidfd();
    wait_for_sockets(before);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
