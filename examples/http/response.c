/* SPDX-License-Identifier: MIT */
/* response.c: answers a request with a file, a part of one, or a status. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "server.h"

/* What comes to the client: a status, and a file or a text. */
struct answer {
    int status;
    const char *type;
    const char *text;     /* the body, if there is no file */
    rung_fd file;         /* or -1 */
    int64_t first, count; /* of its bytes */
    int64_t size;
};

/* The number and its name. */
static const char *words_of(int status)
{
    static const char *const words[] = {
        "200 OK", "206 Partial Content", "400 Bad Request", "403 Forbidden", "404 Not Found", "405 Method Not Allowed",
        "408 Request Timeout", "414 URI Too Long", "416 Range Not Satisfiable", "431 Request Header Fields Too Large",
        "500 Internal Server Error", "503 Service Unavailable",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (atoi(words[i]) == status)
            return words[i];
    abort();
}

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        { ".html", "text/html; charset=utf-8" }, { ".css", "text/css" }, { ".js", "text/javascript" },
        { ".json", "application/json" }, { ".svg", "image/svg+xml" }, { ".png", "image/png" }, { ".jpg", "image/jpeg" },
        { ".txt", "text/plain; charset=utf-8" }, { ".c", "text/plain; charset=utf-8" }, { ".h", "text/plain; charset=utf-8" },
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

/* ---- which file ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* What follows the host, if the target is written as to a proxy: http://host/path. */
static const char *skip_host(const char *target)
{
    static const char *const schemes[] = { "http://", "https://" }; /* TLS may end before us */
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(target, schemes[i], strlen(schemes[i])) == 0) {
            const char *host = target + strlen(schemes[i]), *path = host + strcspn(host, "/?#");
            return *path == '/' ? path : "/";
        }
    return target;
}

/* The path of a target, decoded, without its query. False: it is none, or leaves the folder. */
static bool decode_path(const char *target, char *path, size_t capacity)
{
    size_t length = 0;
    target = skip_host(target);
    if (target[0] != '/')
        return false;
    for (; *target != '\0' && *target != '?' && *target != '#'; target++) {
        char c = *target;
        if (c == '%') {
            int high = hex_digit(target[1]), low = high >= 0 ? hex_digit(target[2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            target += 2;
        }
        if (c == '\0' || length + 1 >= capacity)
            return false;
        path[length++] = c;
    }
    path[length] = '\0';
    for (const char *part = path; (part = strstr(part, "/..")) != NULL; part += 3)
        if (part[3] == '/' || part[3] == '\0')
            return false;
    return true;
}

static int status_of(int64_t error)
{
    switch (error) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -EISDIR:
        return 404;
    case -EACCES:
    case -ELOOP:
        return 403;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
        return 503;
    default:
        return 500;
    }
}

static void open_file(const struct server *server, struct request *request, struct answer *answer)
{
    static const char index[] = "index.html";
    char *path = request->path;
    size_t length = strlen(server->root); /* less than MOST_ROOT */
    memcpy(path, server->root, length);
    if (!decode_path(request->target, path + length, sizeof request->path - length - sizeof index)) {
        answer->status = 400;
        return;
    }
    length += strlen(path + length);
    if (path[length - 1] == '/')
        memcpy(path + length, index, sizeof index);
    rung_fd file = rung_file_open(path, O_RDONLY, 0);
    answer->size = file >= 0 ? rung_file_size(file) : file;
    if (answer->size < 0) { /* a fifo or a device has none */
        answer->status = file >= 0 ? 403 : status_of(file);
        if (file >= 0)
            rung_close(file);
        return;
    }
    answer->file = file;
    answer->count = answer->size;
    answer->type = type_of(path);
    answer->status = 200;
}

/* One range is honoured; anything else counts as none. */
static void apply_range(const char *range, struct answer *answer)
{
    int64_t first = -1, last = -1;
    int used = 0;
    if (sscanf(range, "bytes=-%" SCNd64 "%n", &last, &used) == 1 && range[used] == '\0' && last >= 0) {
        first = last < answer->size ? answer->size - last : 0;
        last = answer->size - 1;
    } else if (sscanf(range, "bytes=%" SCNd64 "-%n", &first, &used) == 1 && used > 0 && first >= 0) {
        last = answer->size - 1;
        if (range[used] != '\0' && (sscanf(range + used, "%" SCNd64, &last) != 1 || last < first || strchr(range, ',') != NULL))
            return;
        last = last < answer->size ? last : answer->size - 1;
    } else {
        return;
    }
    answer->status = first < answer->size ? 206 : 416;
    answer->first = first;
    answer->count = answer->status == 206 ? last - first + 1 : 0;
}

/* ---- sending ---- */

static void put(rung_writer *writer, const char *text)
{
    rung_writer_write(writer, text, strlen(text));
}

static void put_number(rung_writer *writer, int64_t number) /* at least 0. printf would cost as much as all else here */
{
    char digits[20], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    rung_writer_write(writer, at, (size_t)(digits + sizeof digits - at));
}

enum { DATE_LINE = 40 };

/* Never inlined, and without a call that parks: who parks may go on on a thread with another text. */
__attribute__((__noinline__)) static void copy_date(char line[DATE_LINE])
{
    static _Thread_local char text[DATE_LINE];
    static _Thread_local time_t second;
    time_t now = time(NULL);
    struct tm parts;
    if (now != second)
        strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&now, &parts));
    second = now;
    memcpy(line, text, sizeof text);
}

static void put_range(rung_writer *writer, const struct answer *answer)
{
    put(writer, "Content-Range: bytes ");
    if (answer->status == 206) {
        put_number(writer, answer->first);
        put(writer, "-");
        put_number(writer, answer->first + answer->count - 1);
    } else {
        put(writer, "*");
    }
    put(writer, "/");
    put_number(writer, answer->size);
    put(writer, "\r\n");
}

static void put_head(rung_writer *writer, const struct answer *answer, const struct request *request)
{
    char date[DATE_LINE];
    copy_date(date);
    put(writer, "HTTP/1.1 ");
    put(writer, words_of(answer->status));
    put(writer, "\r\nServer: rung\r\n");
    put(writer, date);
    put(writer, "Content-Type: ");
    put(writer, answer->type);
    put(writer, "\r\nContent-Length: ");
    put_number(writer, answer->count);
    put(writer, "\r\n");
    if (answer->status == 206 || answer->status == 416)
        put_range(writer, answer);
    if (answer->status == 405)
        put(writer, "Allow: GET, HEAD\r\n");
    if (answer->file >= 0)
        put(writer, "Accept-Ranges: bytes\r\n");
    put(writer, !request->keeps_alive ? "Connection: close\r\n\r\n" : request->is_old ? "Connection: keep-alive\r\n\r\n" : "\r\n");
}

/* Each piece has its time: all may take hours. */
static int64_t send_file(rung_fd to, const struct answer *answer)
{
    int64_t done = 0, sent = 1;
    for (; done < answer->count && sent > 0; done += sent > 0 ? sent : 0) {
        rung_scope scope;
        int64_t left = answer->count - done;
        rung_scope_open(&scope, STALL_NS);
        sent = rung_send_file(to, answer->file, answer->first + done, (size_t)(left < SENT_AT_ONCE ? left : SENT_AT_ONCE));
        rung_scope_close(&scope);
    }
    return sent < 0 ? sent : done < answer->count ? -EIO : done; /* the file has become shorter */
}

/* A text, or a file that the buffer has room for. */
static int64_t put_body(rung_writer *writer, const struct answer *answer)
{
    if (answer->file < 0)
        return rung_writer_write(writer, answer->text, (size_t)answer->count);
    int64_t got = rung_read_at(answer->file, writer->bytes + writer->end, (size_t)answer->count, answer->first);
    if (got != answer->count)
        return got < 0 ? got : -EIO;
    writer->end += (size_t)got;
    return got;
}

/* A small file goes with its head in one packet, a large one by sendfile. Gives back the bytes of the body, or -errno. */
static int64_t write_answer(rung_writer *writer, const struct answer *answer, const struct request *request)
{
    rung_scope scope;
    int64_t result = 0;
    put_head(writer, answer, request);
    bool is_large = answer->file >= 0 && (uint64_t)answer->count > writer->size - writer->end;
    rung_scope_open(&scope, STALL_NS);
    if (request->method != HTTP_HEAD && !is_large)
        result = put_body(writer, answer);
    int flushed = rung_writer_flush(writer);
    rung_scope_close(&scope);
    if (result < 0 || flushed < 0)
        return result < 0 ? result : flushed;
    return request->method != HTTP_HEAD && is_large ? send_file(writer->fd, answer) : result;
}

int64_t respond(const struct connection *connection, struct request *request, int *status)
{
    const struct server *server = connection->server;
    struct answer answer = { .status = 200, .type = "text/plain; charset=utf-8", .file = -1 };
    rung_writer writer;
    if (request->error != 0)
        answer.status = request->error;
    else if (request->method != HTTP_GET && request->method != HTTP_HEAD)
        answer.status = 405;
    else if (server->hello == NULL)
        open_file(server, request, &answer);
    if (answer.file >= 0 && request->range_length > 0)
        apply_range(request->range, &answer);
    if (answer.file < 0) {
        answer.text = answer.status == 200 ? server->hello : words_of(answer.status);
        answer.count = (int64_t)strlen(answer.text);
    }
    request->keeps_alive &= request->error == 0 && !server->is_stopping;
    rung_writer_open(&writer, connection->fd, request->reply, sizeof request->reply);
    int64_t result = write_answer(&writer, &answer, request);
    if (answer.file >= 0)
        rung_close(answer.file);
    *status = answer.status;
    return result;
}
