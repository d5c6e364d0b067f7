/* SPDX-License-Identifier: MIT */
/*
 * main.c: a TCP proxy: what comes to one address goes to another, and back, spliced through a pipe inside the kernel.
 *
 *     proxy [--idle SECONDS] [--reuse-port] ADDRESS TARGET
 *
 * The end of one direction is passed on, and the other goes on (half-close). A connection in which neither side has said
 * anything for the idle time (300 s) is closed, and so is one for which the target does not answer within 10 s. SIGTERM and
 * SIGINT stop it.
 */
#include <errno.h>
#include <rung_process.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 256 * 1024 };
#define DIAL_NS RUNG_SECONDS(10)

static const char *address, *target;
static rung_socket_options listen_options;
static int64_t idle_ns = RUNG_SECONDS(300);
static rung_fd listener;

struct connection {
    rung_fd client, server;
    _Atomic int64_t heard;  /* when either side said something last */
};

struct direction {
    struct connection *connection;
    rung_fd from, to;
};

/* Under a scope of the idle time, which begins anew while the other direction is busy. */
static int64_t move(struct connection *connection, rung_fd from, rung_fd to, size_t count)
{
    for (;;) {
        rung_scope scope;
        int64_t left = connection->heard + idle_ns - rung_now();
        rung_scope_open(&scope, left);
        int64_t moved = rung_splice(from, to, count);
        rung_scope_close(&scope);
        if (moved > 0)
            connection->heard = rung_now();
        if (moved != -ETIMEDOUT || connection->heard + idle_ns <= rung_now())
            return moved;
    }
}

static int64_t drain(struct connection *connection, rung_fd pipe, rung_fd to, int64_t count)
{
    while (count > 0) {
        int64_t moved = move(connection, pipe, to, (size_t)count);
        if (moved <= 0)
            return moved < 0 ? moved : -EPIPE;
        count -= moved;
    }
    return 0;
}

/* One direction, to its end. An error ends the other one too: it belongs to the same group. */
static int forward(void *arg)
{
    struct direction *direction = arg;
    rung_fd ends[2];
    int64_t result = rung_pipe(ends);
    if (result < 0)
        return (int)result;
    while ((result = move(direction->connection, direction->from, ends[1], PIECE)) > 0)
        if ((result = drain(direction->connection, ends[0], direction->to, result)) < 0)
            break;
    rung_close(ends[0]);
    rung_close(ends[1]);
    if (result == 0)
        result = rung_shutdown(direction->to, RUNG_WRITE);
    return result == -ENOTCONN ? 0 : (int)result;
}

static rung_fd dial(void)
{
    rung_scope scope;
    rung_scope_open(&scope, DIAL_NS);
    rung_fd server = rung_dial(target, NULL);
    rung_scope_close(&scope);
    return server;
}

static int serve(void *arg)
{
    struct connection connection = { .client = *(rung_fd *)arg, .server = dial() };
    rung_group group;
    connection.heard = rung_now();
    if (connection.server >= 0) {
        struct direction there = { &connection, connection.client, connection.server };
        struct direction back = { &connection, connection.server, connection.client };
        rung_group_open(&group, RUNG_FOREVER);
        if (rung_group_go(&group, forward, &there) == 0 && rung_group_go(&group, forward, &back) < 0)
            rung_group_cancel(&group);
        (void)rung_group_wait(&group);
        rung_close(connection.server);
    }
    return rung_close(connection.client);
}

static int accept_all(void *arg)
{
    rung_fd client;
    (void)arg;
    while ((client = rung_accept(listener, NULL)) >= 0)
        if (rung_go_copy(serve, &client, sizeof client) < 0)
            rung_close(client);
    return 0;
}

static int app(void *arg)
{
    static const int signals[] = { SIGTERM, SIGINT };
    char text[RUNG_ADDRESS_TEXT];
    rung_address bound;
    rung_chan *stop;
    (void)arg;
    listener = rung_listen(address, &listen_options);
    if (listener < 0) {
        fprintf(stderr, "proxy: %s: %s\n", address, strerror((int)-listener));
        return (int)listener;
    }
    int error = rung_chan_open(&stop, sizeof(int), 1);
    if (error == 0)
        error = rung_signal_notify(stop, signals, 2);
    if (error < 0)
        return error;
    if (rung_local_address(listener, &bound) == 0 && rung_address_format(&bound, text, sizeof text) > 0)
        fprintf(stderr, "proxy: listening at %s\n", text);
    rung_go(accept_all, NULL);
    rung_recv(stop, NULL);
    return 0; /* the connections' scopes end, and with them the connections */
}

static int usage(void)
{
    fprintf(stderr, "usage: proxy [--idle SECONDS] [--reuse-port] ADDRESS TARGET\n");
    return 2;
}

int main(int argc, char **argv)
{
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--reuse-port") == 0)
            listen_options.reuse_port = true;
        else if (strcmp(argv[at], "--idle") == 0 && at + 1 < argc && atof(argv[at + 1]) > 0)
            idle_ns = (int64_t)(atof(argv[++at]) * 1e9);
        else
            return usage();
    }
    if (argc - at != 2)
        return usage();
    address = argv[at];
    target = argv[at + 1];
    return rung_run(app, NULL) < 0;
}
