/* SPDX-License-Identifier: MIT */
/*
 * serve.c: the HTTP server of ../http on the tree, and 64 clients beside it in the same process, each of which asks for one
 * file after the other over its own connection. Half-way a dump is taken, and all along the CPU is sampled.
 */
#define _GNU_SOURCE 1
#include "serve.h"

#include <errno.h>
#include <rung_debug.h>
#include <rung_process.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../http/server.h"
#include "job.h"
#include "profile.h"
#include "report.h"

enum { CLIENTS = 64, MOST_FILES = 4000, MOST_DEPTH = 12 };
#define LOAD_NS RUNG_SECONDS(1)

static struct server server;
static rung_fd listener;
static char address[RUNG_ADDRESS_TEXT];
static char *files[MOST_FILES]; /* as targets */
static size_t file_count;
static _Atomic uint64_t requests, bytes, failures;
static int dump_fd = -1;
static int64_t load_ns, took_ns;
static bool was_interrupted;

/* ---- what there is to be asked for ------------------------------------------------------ */

/* Names that stand for themselves in a request. */
static bool is_plain(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

static void list_files(const char *target, int depth)
{
    char path[4096], below[4096];
    rung_directory *directory;
    const char *name;
    snprintf(path, sizeof path, "%s%s", server.root, target);
    if (depth == MOST_DEPTH || rung_directory_open(&directory, path) < 0)
        return; /* a file, mostly */
    while (file_count < MOST_FILES && rung_directory_next(directory, &name) == 1) {
        if (!is_plain(name))
            continue;
        snprintf(below, sizeof below, "%.3000s/%.255s", target, name);
        if (strchr(name, '.') != NULL)
            files[file_count++] = job_memory(strdup(below));
        else
            list_files(below, depth + 1);
    }
    rung_directory_close(directory);
}

/* ---- the clients ------------------------------------------------------------------------ */

/* Reads one response; gives back the bytes of its body, or -errno. */
static int64_t read_response(rung_reader *reader)
{
    char *line, *piece;
    int64_t length, left = 0;
    while ((length = rung_reader_line(reader, &line)) > 2)
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            left = atoll(line + 15);
    int64_t body = left;
    while (length >= 0 && left > 0) {
        length = rung_reader_peek(reader, 1, &piece);
        if (length == 0)
            return -EPIPE;
        if (length > left)
            length = left;
        rung_reader_skip(reader, length > 0 ? (size_t)length : 0);
        left -= length;
    }
    return length > 0 || body == 0 ? body : length < 0 ? length : -EPIPE;
}

static int client(void *arg)
{
    uint64_t random = *(uint64_t *)arg + 1;
    char in[16 * 1024], out[4200];
    rung_reader reader;
    rung_writer writer;
    rung_fd fd = rung_dial(address, NULL);
    rung_reader_open(&reader, fd, in, sizeof in);
    rung_writer_open(&writer, fd, out, sizeof out);
    while (rung_scope_error() == 0) {
        random = random * UINT64_C(6364136223846793005) + 1;
        rung_writer_printf(&writer, "GET %s HTTP/1.1\r\nHost: demo\r\n\r\n", files[(random >> 33) % file_count]);
        int error = rung_writer_flush(&writer);
        int64_t got = error == 0 ? read_response(&reader) : error;
        if (got < 0) {
            atomic_fetch_add(&failures, rung_scope_error() == 0);
            break;
        }
        atomic_fetch_add(&requests, 1);
        atomic_fetch_add(&bytes, (uint64_t)got);
    }
    if (fd >= 0)
        rung_close(fd);
    return 0;
}

/* ---- the server ------------------------------------------------------------------------- */

static int accept_all(void *arg)
{
    struct connection connection = { .server = &server };
    (void)arg;
    while ((connection.fd = rung_accept(listener, NULL)) >= 0)
        if (rung_go_copy(serve_connection, &connection, sizeof connection) < 0)
            rung_close(connection.fd);
    return 0;
}

static int listen_locally(void)
{
    rung_address bound;
    listener = rung_listen("127.0.0.1:0", NULL);
    int error = listener < 0 ? (int)listener : rung_local_address(listener, &bound);
    if (error == 0)
        error = rung_address_format(&bound, address, sizeof address);
    return error < 0 ? error : 0;
}

/* Parks for that long, or until a signal comes. */
static void pause_for(rung_chan *signals, int64_t ns)
{
    rung_scope scope;
    rung_scope_open(&scope, was_interrupted ? 0 : ns);
    was_interrupted |= rung_recv(signals, NULL) == 1;
    rung_scope_close(&scope);
}

static int load(rung_chan *signals)
{
    rung_group group;
    int64_t begin = rung_now();
    int error = profile_start();
    if (error < 0)
        return error;
    rung_group_open(&group, RUNG_FOREVER);
    for (uint64_t i = 0; i < CLIENTS; i++) {
        const rung_go_options options = { .name = "client", .group = &group, .copy = &i, .copy_size = sizeof i };
        (void)rung_go_with(&options, client, NULL);
    }
    pause_for(signals, load_ns / 2);
    dump_fd = memfd_create("demo-serve", MFD_CLOEXEC);
    if (dump_fd >= 0)
        rung_dump(dump_fd);
    pause_for(signals, load_ns / 2);
    profile_stop();
    took_ns = rung_now() - begin;
    rung_group_cancel(&group);
    (void)rung_group_wait(&group);
    return 0;
}

static int app(void *arg)
{
    static const int wanted[] = { SIGINT, SIGTERM };
    rung_chan *signals;
    (void)arg;
    list_files("", 0);
    if (file_count == 0)
        return 0;
    int error = listen_locally();
    if (error == 0 && (error = rung_chan_open(&signals, sizeof(int), 1)) == 0)
        error = rung_signal_notify(signals, wanted, 2);
    if (error == 0)
        error = rung_go(accept_all, NULL);
    if (error < 0)
        return error;
    error = load(signals);
    server.is_stopping = true;
    rung_close(listener);
    rung_signal_stop(signals);
    rung_chan_free(signals);
    return error;
}

static void report_load(void)
{
    double seconds = (double)took_ns / 1e9;
    report_heading("the tree over HTTP: %d clients, %zu files", CLIENTS, file_count);
    printf("  %.0f requests/s, %.0f MB/s%s\n", (double)requests / seconds, (double)bytes / 1e6 / seconds,
           failures != 0 ? "; some connections failed" : "");
    profile_print();
    report_heading("what the goroutines did under load");
    report_dump(dump_fd);
    if (was_interrupted)
        printf("  Interrupted.\n");
}

int serve_tree(const char *directory, int64_t limit_ns, bool *is_interrupted)
{
    server.root = directory;
    load_ns = limit_ns < LOAD_NS ? limit_ns : LOAD_NS;
    int error = rung_run(app, NULL);
    if (error == 0 && file_count > 0)
        report_load();
    for (size_t i = 0; i < file_count; i++)
        free(files[i]);
    if (dump_fd >= 0)
        close(dump_fd);
    *is_interrupted = was_interrupted;
    return error;
}
