/* SPDX-License-Identifier: MIT */
/*
 * Every call of the kernel's about descriptors, processes and signals fails once, in turn, with every errno that its manual page
 * names, at its first, second and third use; then all are interrupted, and all come up short. A program that closes what it has
 * opened gets the error, or one that follows from it, never hangs, and nothing stays open.
 *
 * test-presets: debug
 * test-timeout: 120
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <rung_process.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../test.h"
#include "base/os_fault.h"
#include "net/fd.h"

enum { MADE_ONCE = 2 /* the first sites: they always fail, until they are to succeed once and for all */, USES = 3, MOST_ERRORS = 16, HANDLES = 16 };

static const struct site {
    enum os_call call;
    const char *name;
    int errors[MOST_ERRORS];
} sites[] = {
    { OS_EPOLL_NEW, "epoll_create1", { EMFILE, ENFILE, ENOMEM } },
    { OS_EVENT_NEW, "eventfd", { EMFILE, ENFILE, ENODEV, ENOMEM } },
    { OS_SOCKET, "socket", { EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT } },
    { OS_SOCKET_PAIR, "socketpair", { EAFNOSUPPORT, EMFILE, ENFILE, EOPNOTSUPP, ENOMEM } },
    { OS_BIND, "bind", { EACCES, EADDRINUSE, EBADF, EINVAL, ENOTSOCK, EADDRNOTAVAIL, ENOMEM } },
    { OS_LISTEN, "listen", { EADDRINUSE, EBADF, ENOTSOCK, EOPNOTSUPP } },
    { OS_ACCEPT, "accept4", { ECONNABORTED, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOTSOCK, EOPNOTSUPP, EPERM, EPROTO,
                              ENETDOWN, EHOSTUNREACH } },
    { OS_CONNECT, "connect", { EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EBADF, ECONNREFUSED, ENETUNREACH,
                               ENOTSOCK, ETIMEDOUT, EPROTOTYPE, EFAULT } },
    { OS_SHUTDOWN, "shutdown", { EBADF, EINVAL, ENOTCONN, ENOTSOCK } },
    { OS_OPTION_SET, "setsockopt", { EBADF, EINVAL, ENOPROTOOPT, ENOTSOCK, ENOMEM } },
    { OS_OPTION_GET, "getsockopt", { EBADF, EINVAL, ENOPROTOOPT, ENOTSOCK } },
    { OS_NAME_LOCAL, "getsockname", { EBADF, EINVAL, ENOBUFS, ENOTSOCK } },
    { OS_NAME_PEER, "getpeername", { EBADF, EINVAL, ENOBUFS, ENOTCONN, ENOTSOCK } },
    { OS_SEND, "send", { EACCES, EBADF, ECONNRESET, EINVAL, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN, EPIPE } },
    { OS_RECEIVE, "recv", { EBADF, ECONNREFUSED, EFAULT, EINVAL, ENOMEM, ENOTCONN, ECONNRESET } },
    { OS_SEND_MESSAGE, "sendmsg", { EBADF, ECONNRESET, EMSGSIZE, ENOBUFS, ENOMEM, EPIPE, ETOOMANYREFS } },
    { OS_RECEIVE_MESSAGE, "recvmsg", { EBADF, ECONNREFUSED, EINVAL, ENOMEM } },
    { OS_SENDFILE, "sendfile", { EBADF, EFAULT, EINVAL, EIO, ENOMEM, EOVERFLOW, ESPIPE } },
    { OS_SPLICE, "splice", { EBADF, EINVAL, ENOMEM, ESPIPE } },
    { OS_READ, "read", { EBADF, EFAULT, EINVAL, EIO, EISDIR } },
    { OS_WRITE, "write", { EBADF, EDQUOT, EFBIG, EINVAL, EIO, ENOSPC, EPERM, EPIPE } },
    { OS_READV, "readv", { EBADF, EINVAL, EIO } },
    { OS_WRITEV, "writev", { EBADF, EINVAL, EIO, ENOSPC, EPIPE } },
    { OS_CLOSE, "close", { EINTR, EIO, ENOSPC, EDQUOT } },
    { OS_POLL, "ppoll", { EFAULT, EINTR, EINVAL, ENOMEM } },
    { OS_EPOLL_ADD, "epoll_ctl ADD", { EBADF, EEXIST, EINVAL, ENOMEM, ENOSPC, EPERM } },
    { OS_EPOLL_REMOVE, "epoll_ctl DEL", { EBADF, EINVAL, ENOENT, ENOMEM } },
    { OS_EPOLL_WAIT, "epoll_pwait2", { EINTR } }, /* die/descriptors_closed: EBADF, EINVAL */
    { OS_PIPE, "pipe2", { EFAULT, EMFILE, ENFILE } },
    { OS_FLAGS_GET, "fcntl F_GETFL", { EBADF } },
    { OS_FLAGS_SET, "fcntl F_SETFL", { EBADF, EPERM } },
    { OS_STAT, "fstat", { EBADF, ENOMEM, EOVERFLOW } },
    { OS_OPEN, "open", { EACCES, EDQUOT, EEXIST, EISDIR, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, EROFS } },
    { OS_READ_CACHED, "preadv2", { EAGAIN, EBADF, EINVAL, EIO, EOPNOTSUPP, ENOSYS } },
    { OS_READ_OFFSET, "pread", { EBADF, EINVAL, EIO } },
    { OS_WRITE_OFFSET, "pwrite", { EBADF, EFBIG, EIO, ENOSPC } },
    { OS_SYNC, "fsync", { EBADF, EIO, ENOSPC, EDQUOT } },
    { OS_EPOLL_CHANGE, "epoll_ctl MOD", { EBADF, EINVAL, ENOENT, ENOMEM } },
    { OS_PIDFD_OPEN, "pidfd_open", { EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM, ENOSYS, ESRCH } },
    { OS_COPY_FD, "fcntl F_DUPFD", { EBADF, EINVAL, EMFILE } },
    { OS_PIDFD_KILL, "pidfd_send_signal", { EBADF, EINVAL, ENOSYS, EPERM, ESRCH } },
    { OS_KILL, "kill", { EINVAL, EPERM, ESRCH } },
    { OS_WAIT_CHILD, "waitpid", { ECHILD, EINVAL } },
    { OS_SIGNAL_CATCH, "sigaction", { EFAULT, EINVAL } },
    { OS_SIGNAL_RESTORE, "sigaction, back", { EFAULT, EINVAL } },
};

/* ---- the fault ---- */

static enum os_call wanted;          /* which call fails; 0: none */
static uint32_t uses_left;           /* atomic: the use that brings this to 0 fails */
static int fault_error;

/* Some calls are made only where another has failed: that one does until the call has failed, too. */
static int fail_before(enum os_call call)
{
    if (wanted == OS_EPOLL_CHANGE && call == OS_EPOLL_ADD)
        return -EEXIST;
    return wanted == OS_KILL && call == OS_PIDFD_OPEN ? -ENOSYS : 0;
}

static uint32_t uses_of(enum os_call call)
{
    return call == OS_EPOLL_NEW || call == OS_EVENT_NEW || call == OS_EPOLL_CHANGE || call == OS_KILL ? 1 : USES;
}

static uint32_t has_failed, calls;   /* atomic */
static bool interrupts, shortens, is_made_once;
static int64_t deadline_ns = RUNG_SECONDS(1); /* that no fault needs */
static bool is_late;

static int fail_once(enum os_call call, size_t *count)
{
    uint32_t number = atomic_add_relaxed(&calls, 1);
    if (shortens && count != NULL && *count > 1 && call != OS_RECEIVE) /* TCP gives less only when it has no more */
        *count = 1 + *count / 3;
    if (interrupts && number % 2 == 0 && call != OS_CLOSE)
        return -EINTR;
    int error = atomic_load_relaxed(&has_failed) ? 0 : fail_before(call);
    if (error != 0)
        return error;
    if (call != wanted || (!is_made_once && atomic_add_relaxed(&uses_left, -1) != 1))
        return 0;
    atomic_store_relaxed(&has_failed, 1);
    return -fault_error;
}

/* ---- the program ---- */

static rung_fd handles[HANDLES];
static int handle_count;
static char path[64];

static rung_fd keep(rung_fd fd)
{
    if (fd >= 0)
        handles[handle_count++] = fd;
    return fd;
}

/* What may come: what was asked for; the fault, or what follows from it. Whether the program goes on. */
static bool is_fine(int64_t result, int64_t expected, int line)
{
    if (result == expected || (expected == INT64_MAX && result >= 0))
        return true;
    if (!atomic_load_relaxed(&has_failed) && result == -ETIMEDOUT) { /* the machine was busy, or it would never have come */
        is_late = true;
        return false;
    }
    if (!atomic_load_relaxed(&has_failed) || (result >= 0 && !shortens))
        test_fail(__FILE__, line, "gives %" PRId64 " instead of %" PRId64 " without a fault%s", result, expected,
                  interrupts ? ", interrupted" : shortens ? ", shortened" : "");
    if (wanted == OS_EPOLL_ADD && fault_error == EEXIST && result == -ENOENT) /* what is said to be there cannot be changed */
        return false;
    if (wanted == OS_PIDFD_KILL && fault_error == EBADF && result == -ESRCH) /* who waits for it has closed it */
        return false;
    if (result != -fault_error && result != -ETIMEDOUT && result != -ECONNRESET && result != -EPIPE && result != -EOPNOTSUPP)
        test_fail(__FILE__, line, "call %d failing with %d gives %" PRId64, (int)wanted, fault_error, result);
    return false;
}
#define STEP(call, expected)                                                                       \
    do {                                                                                           \
        if (!is_fine((call), (expected), __LINE__))                                                \
            return;                                                                                \
    } while (0)
#define ANY INT64_MAX

static rung_waitgroup writers;

static int write_later(void *arg)
{
    (void)rung_sleep(RUNG_MICROSECONDS(200));
    (void)rung_write_full(*(rung_fd *)arg, "later", 5);
    rung_waitgroup_done(&writers);
    return 0;
}

static int start_writer(rung_fd fd)
{
    rung_waitgroup_add(&writers, 1);
    int error = rung_go_copy(write_later, &fd, sizeof fd);
    if (error != 0)
        rung_waitgroup_done(&writers);
    return error;
}

static void connections(void)
{
    char text[RUNG_ADDRESS_TEXT], bytes[16];
    rung_address address;
    struct iovec parts[2] = { { bytes, 3 }, { bytes + 3, 4 } };
    int value;
    rung_fd listener, client, server;
    STEP(listener = keep(rung_listen("127.0.0.1:0", NULL)), ANY);
    STEP(rung_local_address(listener, &address), 0);
    STEP(rung_address_format(&address, text, sizeof text), ANY);
    STEP(client = keep(rung_dial(text, NULL)), ANY);
    STEP(server = keep(rung_accept(listener, &address)), ANY);
    STEP(rung_peer_address(client, &address), 0);
    STEP(rung_option_set(client, RUNG_KEEP_ALIVE, 5), 0);
    STEP(rung_option_get(client, RUNG_KEEP_ALIVE, &value), 0);
    STEP(start_writer(client), 0);
    STEP(rung_read_full(server, bytes, 5), 5);
    STEP(rung_write_full(client, "hello", 5), 5);
    STEP(rung_fd_wait(server, RUNG_READ), RUNG_READ);
    STEP(rung_read_full(server, bytes, 5), 5);
    STEP(rung_writev_full(server, parts, 2), 7);
    STEP(rung_readv(client, parts, 2), shortens ? ANY : 7);
    STEP(rung_shutdown(client, RUNG_WRITE), 0);
    STEP(rung_read(server, bytes, 5), 0);
}

static void pipes_and_messages(void)
{
    char bytes[16];
    rung_fd ends[2], pair[2], came[1];
    struct iovec part = { bytes, 4 };
    rung_message message = { .parts = &part, .part_count = 1, .fds = ends, .fd_count = 1 };
    STEP(rung_pipe(ends), 0);
    keep(ends[0]);
    keep(ends[1]);
    STEP(rung_socket_pair(RUNG_STREAM, pair), 0);
    keep(pair[0]);
    keep(pair[1]);
    STEP(rung_write_full(ends[1], "abcd", 4), 4);
    STEP(rung_splice(ends[0], pair[0], 4), shortens ? ANY : 4);
    STEP(rung_read(pair[1], bytes, 4), shortens ? ANY : 4);
    STEP(rung_writev(ends[1], &part, 1), 4);
    STEP(rung_readv(ends[0], &part, 1), shortens ? ANY : 4);
    STEP(rung_send_message(pair[0], &message), 4);
    message.fds = came;
    STEP(rung_receive_message(pair[1], &message), shortens ? ANY : 4);
    if (message.fd_count == 1)
        keep(came[0]);
    STEP(start_writer(ends[1]), 0);
    STEP(rung_read_full(ends[0], bytes, 5), 5);
    int numbers[2];
    EXPECT_EQ(pipe(numbers), 0); /* blocking, until it is adopted */
    rung_fd adopted = rung_fd_adopt(numbers[0]);
    close(numbers[1]);
    if (adopted < 0)
        close(numbers[0]);
    STEP(keep(adopted), ANY);
}

static void files(void)
{
    char bytes[16];
    rung_fd file, pair[2];
    STEP(file = keep(rung_file_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600)), ANY);
    STEP(rung_write_full(file, "0123456789", 10), 10);
    STEP(rung_write_at(file, "xy", 2, 4), 2);
    STEP(rung_file_sync(file), 0);
    STEP(rung_file_size(file), 10);
    STEP(rung_read_at(file, bytes, 10, 0), 10);
    STEP(rung_read_at(file, bytes, 16, 0), 10); /* to the end, which the cache alone does not tell */
    STEP(rung_read(file, bytes, 10), 0);
    STEP(rung_socket_pair(RUNG_STREAM, pair), 0);
    keep(pair[0]);
    keep(pair[1]);
    STEP(rung_send_file(pair[0], file, 0, 10), 10);
    STEP(rung_read_full(pair[1], bytes, 10), 10);
}

static void use_process(rung_process *process)
{
    STEP(rung_write_full(process->input, "hello", 5), 5);
    STEP(rung_process_kill(process, SIGTERM), 0);
    STEP(rung_process_wait(process, NULL), 0);
}

static void processes(void)
{
    static const char *const cat[] = { "cat", NULL };
    rung_spawn_options options = { .input = RUNG_STDIO_PIPE, .output = RUNG_STDIO_NULL };
    rung_process process;
    int input = fcntl(0, F_DUPFD_CLOEXEC, 3);
    close(0); /* the pipe's end comes to lie there, and has to be moved; and then the pidfd does */
    if (is_fine(rung_spawn(&process, cat, &options), 0, __LINE__)) {
        keep(process.input);
        use_process(&process);
        (void)rung_process_kill(&process, SIGKILL);
        (void)rung_process_wait(&process, NULL);
    }
    dup2(input, 0);
    close(input);
}

static void hear_signal(rung_chan *chan)
{
    static const int numbers[] = { SIGUSR1 };
    int number;
    STEP(rung_signal_notify(chan, numbers, 1), 0);
    EXPECT_EQ(kill(getpid(), SIGUSR1), 0);
    STEP(rung_recv(chan, &number), 1);
}

static void signals(void)
{
    rung_chan *chan;
    if (shortens) /* an eventfd gives all of it or nothing */
        return;
    EXPECT_EQ(rung_chan_open(&chan, sizeof(int), 1), 0);
    hear_signal(chan);
    rung_signal_stop(chan);
    rung_chan_free(chan);
}

static int open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    int count = 0;
    while ((entry = readdir(directory)) != NULL) {
        char target[64];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target);
        count += length > 5 && (memcmp(target, "socke", 5) == 0 || memcmp(target, "pipe:", 5) == 0 ||
                                memcmp(target, "/tmp/", 5) == 0);
    }
    closedir(directory);
    return count;
}

static void run_part(void (*part)(void))
{
    rung_scope scope;
    is_late = false;
    rung_scope_open(&scope, deadline_ns);
    part();
    (void)rung_scope_close(&scope);
    (void)rung_sleep(RUNG_MICROSECONDS(400)); /* write_later */
    while (handle_count > 0) {
        int error = rung_close(handles[--handle_count]);
        EXPECT(error == 0 || (error == -fault_error && wanted == OS_CLOSE));
    }
    EXPECT_EQ(rung_waitgroup_wait(&writers), 0);
    while (waitpid(-1, NULL, 0) > 0) /* whom nobody could kill or wait for: its input has ended */
        continue;
}

/* All of it, under a deadline; what has not met the fault in time gets more of it. */
static void run_program(void)
{
    static void (*const parts[])(void) = { connections, pipes_and_messages, files, processes, signals };
    for (size_t i = 0; i < array_length(parts); i++)
        for (run_part(parts[i]); is_late; run_part(parts[i]))
            deadline_ns *= 2;
}

static int app(void *arg)
{
    int faults = 0;
    (void)arg;
    for (size_t i = 0; i < array_length(sites); i++) {
        int of_site = 0;
        for (int e = 0; e < MOST_ERRORS && sites[i].errors[e] != 0; e++) {
            for (uint32_t use = 1; use <= uses_of(sites[i].call); use++) {
                int open_before = open_descriptors();
                is_made_once = i < MADE_ONCE;
                wanted = sites[i].call;
                fault_error = sites[i].errors[e];
                atomic_store_relaxed(&uses_left, use);
                atomic_store_relaxed(&has_failed, 0);
                run_program();
                wanted = 0;
                of_site += (int)atomic_load_relaxed(&has_failed);
                if (sites[i].call == OS_CLOSE) /* the fault stands for what the kernel says after it has closed */
                    continue;
                EXPECT_EQ(open_descriptors(), open_before);
            }
        }
        printf("%-16s %d faults\n", sites[i].name, of_site);
        EXPECT(of_site > 0);
        faults += of_site;
    }
    interrupts = true;
    run_program();
    interrupts = false;
    shortens = true;
    run_program();
    shortens = false;
    printf("%d faults at %zu calls\n", faults, array_length(sites));
    return 0;
}

#ifdef RUNG_ASSERT
int main(void)
{
    snprintf(path, sizeof path, "/tmp/rung-faults-%d", getpid());
    os_fault = fail_once;
    setenv("RUNG_PROCS", "2", 1);
    EXPECT_EQ(rung_run(app, NULL), 0);
    unlink(path);
    return 0;
}
#else
int main(void)
{
    (void)app;
    (void)fail_once;
    SKIP("this build cannot be made to fail");
}
#endif
