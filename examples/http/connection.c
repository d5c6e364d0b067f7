/* SPDX-License-Identifier: MIT */
/* connection.c: reads the requests of one connection, one after the other, pipelined or not, within limits of size and time. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "server.h"

/* ---- what the parser calls: a name or value may come in pieces ---- */

/* Appends to a buffer of that capacity, which stays zero-terminated. False: no room, now and from now on. */
static bool append(char *to, size_t *length, size_t capacity, const char *bytes, size_t count)
{
    if (*length + count >= capacity) {
        *length = capacity - 1;
        return false;
    }
    memcpy(to + *length, bytes, count);
    *length += count;
    to[*length] = '\0';
    return true;
}

static int on_target(http_parser *parser, const char *bytes, size_t count)
{
    struct request *request = parser->data;
    request->method = parser->method;
    if (!append(request->target, &request->target_length, sizeof request->target, bytes, count))
        request->error = 414;
    return request->error != 0;
}

static int on_field(http_parser *parser, const char *bytes, size_t count)
{
    struct request *request = parser->data;
    if (request->is_in_value)
        request->field_length = 0;
    request->is_in_value = false;
    if (!append(request->field, &request->field_length, sizeof request->field, bytes, count))
        request->field[0] = '\0';
    if (memchr(bytes, ' ', count) != NULL)
        request->error = 400; /* "Content-Length : 5": who stands before us may know of no body */
    return request->error != 0;
}

static int on_value(http_parser *parser, const char *bytes, size_t count)
{
    struct request *request = parser->data;
    request->hosts += !request->is_in_value && strcasecmp(request->field, "Host") == 0;
    request->is_in_value = true;
    if (strcasecmp(request->field, "Range") == 0 &&
        !append(request->range, &request->range_length, sizeof request->range, bytes, count))
        request->range[0] = '\0'; /* an absurd range is ignored, as the standard allows */
    return 0;
}

static int on_complete(http_parser *parser)
{
    struct request *request = parser->data;
    request->is_complete = true;
    request->keeps_alive = http_should_keep_alive(parser) && parser->method != HTTP_CONNECT; /* whose body is no request */
    request->is_old = parser->http_major == 1 && parser->http_minor == 0;
    if (request->error == 0 && request->hosts != 1 && !(request->is_old && request->hosts == 0))
        request->error = 400; /* RFC 9112, 3.2: who stands before us might choose another of them */
    http_parser_pause(parser, 1); /* what follows is the next request's */
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_target, .on_header_field = on_field, .on_header_value = on_value, .on_message_complete = on_complete,
};

/* ---- one request ---- */

/* Whether there is a byte of the next request, before the peer, the server, or their patience ends. */
static bool await_request(rung_reader *reader)
{
    rung_scope idle;
    char *piece;
    rung_scope_open(&idle, IDLE_NS);
    int64_t got = rung_reader_peek(reader, 1, &piece);
    rung_scope_close(&idle);
    return got > 0;
}

/* Feeds the parser until the request is complete, or cannot become one. */
static int64_t read_request(rung_reader *reader, http_parser *parser, struct request *request)
{
    while (!request->is_complete && request->error == 0) {
        char *piece;
        int64_t got = rung_reader_peek(reader, 1, &piece);
        if (got <= 0)
            return got < 0 ? got : -ECONNRESET;
        size_t used = http_parser_execute(parser, &settings, piece, (size_t)got);
        enum http_errno problem = HTTP_PARSER_ERRNO(parser);
        request->header_bytes += used;
        rung_reader_skip(reader, used);
        if (problem != HPE_OK && problem != HPE_PAUSED && request->error == 0)
            request->error = problem == HPE_HEADER_OVERFLOW ? 431 : 400;
        if (request->header_bytes > MOST_HEADER)
            request->error = 431; /* a body counts too: nothing that has one is served */
    }
    return 0;
}

/* As it is, but for what could pass as another field of the log, or speak to a terminal. */
static void quote(char *to, size_t capacity, const char *text)
{
    size_t length = 0;
    for (to[0] = '\0'; *text != '\0' && length + sizeof "\\x00" <= capacity; text++)
        if (*text > ' ' && *text < 127 && *text != '"' && *text != '\\')
            to[length++] = *text, to[length] = '\0';
        else
            length += (size_t)sprintf(to + length, "\\x%02x", (unsigned char)*text);
}

static void write_log(const struct connection *connection, const struct request *request, int status, int64_t bytes)
{
    char line[LOG_LINE], when[40], target[300], peer[RUNG_ADDRESS_TEXT];
    time_t now = time(NULL);
    struct tm parts;
    if (connection->server->log == NULL)
        return;
    strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S %z", localtime_r(&now, &parts));
    quote(target, sizeof target, request->target);
    quote(peer, sizeof peer, connection->peer);
    snprintf(line, sizeof line, "%s - - [%s] \"%s %s\" %d %lld\n", peer, when,
             request->target_length > 0 ? http_method_str(request->method) : "-", target, status, (long long)bytes);
    (void)rung_send(connection->server->log, line);
}

/* What the client is still sending is thrown away: to close with something unread may take the answer from him. */
static void end_politely(rung_fd fd, void *bytes, size_t size)
{
    rung_scope scope;
    rung_scope_open(&scope, LAST_NS);
    if (rung_shutdown(fd, RUNG_WRITE) == 0)
        while (rung_read(fd, bytes, size) > 0)
            continue;
    rung_scope_close(&scope);
}

/* Whether the connection goes on. */
static bool serve_request(const struct connection *connection, rung_reader *reader, struct request *request)
{
    http_parser parser;
    rung_scope scope;
    int status = 0;
    memset(request, 0, offsetof(struct request, target) + 1);
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = request;
    rung_scope_open(&scope, HEADER_NS);
    int64_t result = read_request(reader, &parser, request);
    rung_scope_close(&scope);
    if (result == -ETIMEDOUT)
        request->error = 408;
    else if (result < 0)
        return false;
    result = respond(connection, request, &status);
    write_log(connection, request, status, result);
    if (result >= 0 && request->error != 0)
        end_politely(connection->fd, request->reply, sizeof request->reply);
    return result >= 0 && request->keeps_alive;
}

/* The same, though the server stops meanwhile. */
static bool serve_shielded(const struct connection *connection, rung_reader *reader)
{
    rung_scope shield;
    struct request *request = malloc(sizeof *request);
    if (request == NULL)
        return false;
    rung_shield_open(&shield, RUNG_FOREVER);
    bool goes_on = serve_request(connection, reader, request);
    rung_scope_close(&shield);
    free(request);
    return goes_on;
}

int serve_connection(void *arg)
{
    struct connection *connection = arg;
    char bytes[PIECE];
    rung_reader reader;
    rung_reader_open(&reader, connection->fd, bytes, sizeof bytes);
    while (await_request(&reader) && serve_shielded(connection, &reader))
        continue;
    rung_close(connection->fd);
    return 0;
}
