/* SPDX-License-Identifier: MIT */
/*
 * main.c: a parallel fetcher: gets many URLs over HTTP, some at a time, with a deadline for each and one for all.
 *
 *     fetch [--at-once N] [--each SECONDS] [--total SECONDS] [--into FOLDER] URL...
 *
 * 8 at once, 30 s for each, an hour in all, unless told otherwise. The bodies go to FOLDER/1, FOLDER/2, ... in the order of
 * the URLs; without a folder they are only counted. A line tells of each URL as it is done. Exit status 1: not all came with
 * a status of 2xx.
 */
#include <errno.h>
#include <fcntl.h>
#include <http_parser.h>
#include <rung_net.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 16 * 1024, MOST_AT_ONCE = 10000 };

static char **urls;
static int url_count, at_once = 8;
static int64_t each_ns = RUNG_SECONDS(30), total_ns = RUNG_SECONDS(3600);
static const char *folder;
static atomic_int next_url, good;

struct fetch {
    const char *url;
    struct http_parser_url parts;
    rung_fd file;     /* or -1 */
    int status;
    int64_t received; /* bytes of the body */
    int64_t error;    /* of the file */
    bool is_complete;
};

/* ---- what the parser calls ---- */

static int on_headers(http_parser *parser)
{
    struct fetch *fetch = parser->data;
    fetch->status = (int)parser->status_code;
    return 0;
}

static int on_body(http_parser *parser, const char *bytes, size_t count)
{
    struct fetch *fetch = parser->data;
    int64_t put = fetch->file >= 0 ? rung_write_full(fetch->file, bytes, count) : (int64_t)count;
    fetch->received += put > 0 ? put : 0;
    fetch->error = put < 0 ? put : 0;
    return put < 0;
}

static int on_complete(http_parser *parser)
{
    struct fetch *fetch = parser->data;
    fetch->is_complete = fetch->status >= 200; /* before that come words like "100 Continue" */
    if (fetch->is_complete)
        http_parser_pause(parser, 1); /* what follows was not asked for */
    return 0;
}

static const http_parser_settings settings = {
    .on_headers_complete = on_headers, .on_body = on_body, .on_message_complete = on_complete,
};

/* ---- one URL ---- */

static int part(const struct fetch *fetch, enum http_parser_url_fields field, const char **text)
{
    *text = fetch->url + fetch->parts.field_data[field].off;
    return (fetch->parts.field_set & 1 << field) ? fetch->parts.field_data[field].len : 0;
}

static int parse_url(struct fetch *fetch)
{
    const char *text;
    http_parser_url_init(&fetch->parts);
    if (strlen(fetch->url) > UINT16_MAX || http_parser_parse_url(fetch->url, strlen(fetch->url), 0, &fetch->parts) != 0)
        return -EINVAL;
    return part(fetch, UF_SCHEMA, &text) == 4 && strncmp(text, "http", 4) == 0 && part(fetch, UF_HOST, &text) > 0 ? 0
           : -EPROTONOSUPPORT;
}

static rung_fd dial(const struct fetch *fetch, char *authority, size_t capacity)
{
    const char *host, *port, *open = "", *close = "";
    int host_length = part(fetch, UF_HOST, &host), port_length = part(fetch, UF_PORT, &port);
    if (memchr(host, ':', (size_t)host_length) != NULL) /* IPv6 */
        open = "[", close = "]";
    if (port_length == 0)
        port = "80", port_length = 2;
    int length = snprintf(authority, capacity, "%s%.*s%s:%.*s", open, host_length, host, close, port_length, port);
    return (size_t)length < capacity ? rung_dial(authority, NULL) : -ENAMETOOLONG;
}

static int64_t ask(const struct fetch *fetch, rung_fd fd, const char *authority)
{
    char bytes[PIECE];
    const char *path, *query;
    rung_writer writer;
    int path_length = part(fetch, UF_PATH, &path), query_length = part(fetch, UF_QUERY, &query);
    rung_writer_open(&writer, fd, bytes, sizeof bytes);
    int64_t length = rung_writer_printf(&writer, "GET %.*s%s%.*s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                                        path_length > 0 ? path_length : 1, path_length > 0 ? path : "/",
                                        query_length > 0 ? "?" : "", query_length, query, authority);
    return length < 0 ? length : rung_writer_flush(&writer);
}

/* To the end of the response. -EPROTO: it is none, or ends early. */
static int64_t receive(struct fetch *fetch, rung_fd fd)
{
    char bytes[PIECE];
    http_parser parser;
    http_parser_init(&parser, HTTP_RESPONSE);
    parser.data = fetch;
    while (!fetch->is_complete) {
        int64_t got = rung_read(fd, bytes, sizeof bytes);
        if (got < 0)
            return got;
        size_t used = http_parser_execute(&parser, &settings, bytes, (size_t)got); /* of 0 bytes: it is the end */
        if (fetch->error != 0)
            return fetch->error;
        if (!fetch->is_complete && (used != (size_t)got || got == 0))
            return -EPROTO;
    }
    return 0;
}

static int64_t get(struct fetch *fetch, int number)
{
    char authority[300], path[4096];
    int64_t result = parse_url(fetch);
    if (result < 0)
        return result;
    rung_fd fd = dial(fetch, authority, sizeof authority);
    if (fd < 0)
        return fd;
    result = ask(fetch, fd, authority);
    if (result == 0 && folder != NULL) {
        snprintf(path, sizeof path, "%s/%d", folder, number);
        result = fetch->file = rung_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    }
    if (result >= 0)
        result = receive(fetch, fd);
    if (fetch->file >= 0)
        rung_close(fetch->file);
    rung_close(fd);
    return result;
}

/* ---- all of them ---- */

static int fetch_one(int index)
{
    struct fetch fetch = { .url = urls[index], .file = -1 };
    rung_scope scope;
    int64_t begin = rung_now();
    rung_scope_open(&scope, each_ns);
    int64_t result = get(&fetch, index + 1);
    rung_scope_close(&scope);
    if (result < 0) {
        printf("%s: %s\n", fetch.url, strerror((int)-result));
        return rung_scope_error(); /* of all: there is no time for another */
    }
    printf("%s: %d, %lld bytes in %.1f ms\n", fetch.url, fetch.status, (long long)fetch.received,
           (double)(rung_now() - begin) / 1e6);
    good += fetch.status / 100 == 2;
    return 0;
}

static int work(void *arg)
{
    int index, error = 0;
    (void)arg;
    while (error == 0 && (index = next_url++) < url_count)
        error = fetch_one(index);
    return error;
}

static int app(void *arg)
{
    rung_group group;
    (void)arg;
    rung_group_open(&group, total_ns);
    for (int i = 0; i < at_once && i < url_count; i++)
        if (rung_group_go(&group, work, NULL) < 0)
            break;
    int error = rung_group_wait(&group);
    if (next_url < url_count)
        fprintf(stderr, "fetch: %d were not begun: %s\n", url_count - next_url, strerror(-error));
    return good == url_count ? 0 : -EIO;
}

static int usage(void)
{
    fprintf(stderr, "usage: fetch [--at-once N] [--each SECONDS] [--total SECONDS] [--into FOLDER] URL...\n");
    return 2;
}

/* False: it is no time. */
static bool read_seconds(const char *text, int64_t *nanoseconds)
{
    char *end;
    double seconds = strtod(text, &end);
    *nanoseconds = (int64_t)(seconds * 1e9);
    return *end == '\0' && seconds > 0 && seconds < 1e9;
}

int main(int argc, char **argv)
{
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        const char *value = argv[at + 1];
        bool is_fine = true;
        if (strcmp(argv[at], "--at-once") == 0)
            is_fine = (at_once = atoi(value)) > 0 && at_once <= MOST_AT_ONCE;
        else if (strcmp(argv[at], "--each") == 0)
            is_fine = read_seconds(value, &each_ns);
        else if (strcmp(argv[at], "--total") == 0)
            is_fine = read_seconds(value, &total_ns);
        else if (strcmp(argv[at], "--into") == 0)
            folder = value;
        else
            is_fine = false;
        if (!is_fine)
            return usage();
    }
    if (at >= argc || argv[at][0] == '-')
        return usage();
    urls = &argv[at];
    url_count = argc - at;
    return rung_run(app, NULL) < 0;
}
