/* SPDX-License-Identifier: MIT */
/* In the child of a fork every call about descriptors, names, files and processes says so, at once, and none hangs. */
#include "net.h"

#include <fcntl.h>
#include <rung_process.h>
#include <sys/wait.h>

static rung_fd pair[2];
static rung_chan *chan;

static int child(void)
{
    static const char *const argv[] = { "true", NULL };
    static const int signals[] = { SIGTERM };
    char byte = 0;
    struct iovec part = { &byte, 1 };
    rung_message message = { .parts = &part, .part_count = 1 };
    rung_address address;
    rung_process process;
    rung_directory *directory;
    rung_fd ends[2];
    const int64_t results[] = {
        rung_read(pair[0], &byte, 1), rung_read_full(pair[0], &byte, 1), rung_write(pair[0], &byte, 1),
        rung_write_full(pair[0], &byte, 1), rung_readv(pair[0], &part, 1), rung_writev(pair[0], &part, 1),
        rung_writev_full(pair[0], &part, 1), rung_accept(pair[0], NULL), rung_listen("127.0.0.1:0", NULL),
        rung_dial("127.0.0.1:1", NULL), rung_dial("localhost:1", NULL), rung_resolve("localhost:1", &address, 1),
        rung_socket_pair(RUNG_STREAM, ends), rung_pipe(ends), rung_splice(pair[0], pair[1], 1),
        rung_shutdown(pair[0], RUNG_READ), rung_local_address(pair[0], &address), rung_peer_address(pair[0], &address),
        rung_option_set(pair[0], RUNG_CORK, 1), rung_fd_adopt(0), rung_fd_number(pair[0]), rung_fd_release(pair[0]),
        rung_fd_wait(pair[0], RUNG_READ), rung_close(pair[0]), rung_send_to(pair[0], &byte, 1, NULL),
        rung_receive_from(pair[0], &byte, 1, NULL), rung_send_message(pair[0], &message),
        rung_receive_message(pair[0], &message), rung_file_open("/", O_RDONLY, 0), rung_read_at(pair[0], &byte, 1, 0),
        rung_write_at(pair[0], &byte, 1, 0), rung_file_sync(pair[0]), rung_file_size(pair[0]), rung_file_limit(0),
        rung_send_file(pair[0], pair[1], 0, 1), rung_directory_open(&directory, "/"), rung_spawn(&process, argv, NULL),
        rung_signal_notify(chan, signals, 1),
    };
    for (size_t i = 0; i < LENGTH(results); i++)
        if (results[i] != -ENOTRECOVERABLE) {
            fprintf(stderr, "call %zu gives %lld\n", i, (long long)results[i]);
            return 1;
        }
    return 0;
}

static int app(void *arg)
{
    int status;
    (void)arg;
    chan = chan_open(sizeof(int), 1);
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pair), 0);
    pid_t pid = fork();
    EXPECT(pid >= 0);
    if (pid == 0)
        _exit(child());
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
    close_pair(pair);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    run_on(2, app, NULL);
    return 0;
}
