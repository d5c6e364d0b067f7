/* SPDX-License-Identifier: MIT */
/*
 * main.c: an HTTP/1.1 server of static files: keep-alive, pipelining, ranges, limits, an access log, a graceful stop.
 *
 *     http [--log FILE|-] [--hello TEXT] [--reuse-port] ADDRESS FOLDER
 *
 * SIGTERM and SIGINT stop it: it accepts no more, requests that have begun are answered, and it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <rung_process.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"

static const char *address, *log_file;
static rung_socket_options listen_options;
static struct server server;
static rung_fd listener, log_fd = -1;
static rung_group connections;

static int fail(const char *what, int64_t error)
{
    fprintf(stderr, "http: %s: %s\n", what, strerror((int)-error));
    return (int)error;
}

/* Writes what has been logged, and flushes when there is no more. */
static int write_log(void *arg)
{
    char bytes[64 * 1024], line[LOG_LINE];
    rung_writer writer;
    (void)arg;
    rung_writer_open(&writer, log_fd, bytes, sizeof bytes);
    while (rung_recv(server.log, line) == 1) {
        do
            rung_writer_write(&writer, line, strnlen(line, sizeof line));
        while (rung_try_recv(server.log, line) == 1);
        rung_writer_flush(&writer);
    }
    return 0;
}

static int accept_all(void *arg)
{
    struct connection connection = { .server = &server };
    const rung_go_options options = { .name = "connection", .group = &connections, .copy = &connection,
                                      .copy_size = sizeof connection };
    rung_address peer;
    (void)arg;
    while ((connection.fd = rung_accept(listener, server.log != NULL ? &peer : NULL)) >= 0) {
        if (server.log != NULL)
            rung_address_format(&peer, connection.peer, sizeof connection.peer);
        if (rung_go_with(&options, serve_connection, NULL) < 0)
            rung_close(connection.fd);
    }
    return 0;
}

static int open_all(void)
{
    int error = 0;
    if (server.hello == NULL && access(server.root, R_OK | X_OK) != 0)
        return fail(server.root, -errno);
    if (log_file != NULL) {
        log_fd = strcmp(log_file, "-") == 0 ? rung_fd_adopt(1)
                                            : rung_file_open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0644);
        error = log_fd < 0 ? fail(log_file, log_fd) : rung_chan_open(&server.log, LOG_LINE, 256);
    }
    if (error < 0)
        return error;
    listener = rung_listen(address, &listen_options);
    return listener < 0 ? fail(address, listener) : 0;
}

static void print_address(void)
{
    rung_address bound;
    char text[RUNG_ADDRESS_TEXT];
    if (rung_local_address(listener, &bound) == 0 && rung_address_format(&bound, text, sizeof text) > 0)
        fprintf(stderr, "http: listening at %s\n", text);
}

static int app(void *arg)
{
    static const int signals[] = { SIGTERM, SIGINT };
    rung_chan *stop;
    rung_group log_writer;
    (void)arg;
    int error = open_all();
    if (error == 0 && (error = rung_chan_open(&stop, sizeof(int), 1)) == 0)
        error = rung_signal_notify(stop, signals, 2);
    if (error < 0)
        return error;
    print_address();
    rung_group_open(&log_writer, RUNG_FOREVER);
    if (server.log != NULL)
        rung_group_go(&log_writer, write_log, NULL);
    rung_group_open(&connections, RUNG_FOREVER);
    rung_group_go(&connections, accept_all, NULL);
    rung_recv(stop, NULL);
    rung_close(listener);
    server.is_stopping = true;
    rung_group_cancel(&connections);
    (void)rung_group_wait(&connections);
    if (server.log != NULL)
        rung_chan_close(server.log);
    return rung_group_wait(&log_writer);
}

static int usage(void)
{
    fprintf(stderr, "usage: http [--log FILE|-] [--hello TEXT] [--reuse-port] ADDRESS FOLDER\n");
    return 2;
}

int main(int argc, char **argv)
{
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--reuse-port") == 0)
            listen_options.reuse_port = true;
        else if (strcmp(argv[at], "--log") == 0 && at + 1 < argc)
            log_file = argv[++at];
        else if (strcmp(argv[at], "--hello") == 0 && at + 1 < argc)
            server.hello = argv[++at];
        else
            return usage();
    }
    if (argc - at != 2)
        return usage();
    address = argv[at];
    server.root = argv[at + 1];
    return rung_run(app, NULL) < 0;
}
