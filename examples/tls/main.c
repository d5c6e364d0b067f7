/* SPDX-License-Identifier: MIT */
/*
 * main.c: TLS in front of any server: what comes to ADDRESS by TLS goes to TARGET in the clear, and back.
 *
 *     tls [--idle SECONDS] CERTIFICATE KEY ADDRESS TARGET
 *
 * The first two are PEM files, as `openssl req -x509 -nodes -newkey rsa:2048 ...` makes. The handshake and the dial have 10 s
 * together; later a connection in which neither side has said anything for the idle time (300 s) is closed.
 *
 * OpenSSL sees memory only, and never a socket: its input and output are memory BIOs that two goroutines of each connection
 * fill and empty, one for each direction. ssl_lock guards OpenSSL's object and is never held over a read or write;
 * out_lock keeps what OpenSSL wants to be sent in its order. No rung call stands between an operation of OpenSSL's and the
 * question for its error, which lies in the thread's own queue.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <rung_process.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 16 * 1024 };
#define HANDSHAKE_NS RUNG_SECONDS(10)

static SSL_CTX *context;
static const char *target;
static int64_t idle_ns = RUNG_SECONDS(300);
static rung_fd listener;

struct connection {
    rung_fd client, server;
    SSL *ssl;          /* under ssl_lock, with its BIOs */
    BIO *in, *out;     /* owned by ssl */
    rung_mutex ssl_lock, out_lock;
    _Atomic int64_t heard; /* when either side said something last */
};

enum way { TO_READ, TO_WRITE };

/* Some bytes, under a scope of the idle time, which begins anew while the other direction is busy. */
static int64_t move(struct connection *connection, enum way way, rung_fd fd, char *bytes, size_t count)
{
    for (;;) {
        rung_scope scope;
        rung_scope_open(&scope, connection->heard + idle_ns - rung_now());
        int64_t moved = way == TO_READ ? rung_read(fd, bytes, count) : rung_write(fd, bytes, count);
        rung_scope_close(&scope);
        if (moved > 0)
            connection->heard = rung_now();
        if (moved != -ETIMEDOUT || rung_scope_error() != 0 || connection->heard + idle_ns <= rung_now())
            return moved;
    }
}

/* All of them. 0 or -errno. */
static int64_t write_all(struct connection *connection, rung_fd fd, char *bytes, int count)
{
    int64_t put = 0;
    for (int done = 0; done < count; done += (int)put)
        if ((put = move(connection, TO_WRITE, fd, bytes + done, (size_t)(count - done))) < 0)
            return put;
    return 0;
}

/* What OpenSSL has to send, to the client. 0 or -errno. */
static int flush(struct connection *connection)
{
    char bytes[PIECE];
    int64_t result = 0;
    int count;
    rung_mutex_lock(&connection->out_lock);
    do {
        rung_mutex_lock(&connection->ssl_lock);
        count = BIO_read(connection->out, bytes, sizeof bytes);
        rung_mutex_unlock(&connection->ssl_lock);
        if (count > 0)
            result = write_all(connection, connection->client, bytes, count);
    } while (count > 0 && result >= 0);
    rung_mutex_unlock(&connection->out_lock);
    return result < 0 ? (int)result : 0;
}

enum step { STEP_ERROR = -1, STEP_WANTS_MORE = 0 };

/* One operation: what it gave, or a step. With ssl_lock held. */
static int finish_locked(const struct connection *connection, int result)
{
    if (result > 0)
        return result;
    int error = SSL_get_error(connection->ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? STEP_WANTS_MORE : STEP_ERROR;
}

static int read_clear(struct connection *connection, void *bytes, int room)
{
    rung_mutex_lock(&connection->ssl_lock);
    ERR_clear_error();
    int result = finish_locked(connection, SSL_read(connection->ssl, bytes, room));
    rung_mutex_unlock(&connection->ssl_lock);
    return result;
}

/* More from the client, for OpenSSL. 1; 0: the end; -errno. */
static int64_t feed(struct connection *connection)
{
    char bytes[PIECE];
    int64_t got = move(connection, TO_READ, connection->client, bytes, sizeof bytes);
    if (got <= 0)
        return got;
    rung_mutex_lock(&connection->ssl_lock);
    int put = BIO_write(connection->in, bytes, (int)got);
    rung_mutex_unlock(&connection->ssl_lock);
    return put == got ? 1 : -ENOMEM;
}

static int shake_hands(struct connection *connection)
{
    for (;;) {
        rung_mutex_lock(&connection->ssl_lock);
        ERR_clear_error();
        int result = finish_locked(connection, SSL_accept(connection->ssl));
        rung_mutex_unlock(&connection->ssl_lock);
        int error = flush(connection);
        if (error < 0 || result != STEP_WANTS_MORE)
            return error < 0 ? error : result > 0 ? 0 : -EPROTO;
        int64_t got = feed(connection);
        if (got <= 0)
            return got < 0 ? (int)got : -ECONNRESET;
    }
}

/* From the client: decrypts until its end. */
static int forward_in(void *arg)
{
    struct connection *connection = arg;
    char bytes[PIECE];
    int64_t result = 0;
    while (result >= 0) {
        int count = read_clear(connection, bytes, sizeof bytes);
        if ((result = flush(connection)) < 0)
            break;
        if (count > 0)
            result = write_all(connection, connection->server, bytes, count);
        else if (count == STEP_ERROR || (result = feed(connection)) == 0)
            break; /* a close, by TLS or without */
    }
    (void)rung_shutdown(connection->server, RUNG_WRITE);
    return result < 0 ? (int)result : 0;
}

/* To the client: encrypts until the server's end, and says so; but not of a server that broke off. */
static int forward_out(void *arg)
{
    struct connection *connection = arg;
    char bytes[PIECE];
    int64_t got;
    while ((got = move(connection, TO_READ, connection->server, bytes, sizeof bytes)) > 0) {
        rung_mutex_lock(&connection->ssl_lock);
        ERR_clear_error();
        int put = SSL_write(connection->ssl, bytes, (int)got); /* a memory BIO takes all */
        rung_mutex_unlock(&connection->ssl_lock);
        if (put != got || flush(connection) < 0)
            return -EPROTO;
    }
    if (got < 0)
        return (int)got;
    rung_mutex_lock(&connection->ssl_lock);
    ERR_clear_error();
    (void)SSL_shutdown(connection->ssl);
    rung_mutex_unlock(&connection->ssl_lock);
    int error = flush(connection);
    (void)rung_shutdown(connection->client, RUNG_WRITE);
    return error;
}

static int64_t open_both(struct connection *connection)
{
    rung_scope scope;
    connection->ssl = SSL_new(context);
    connection->in = BIO_new(BIO_s_mem());
    connection->out = BIO_new(BIO_s_mem());
    if (connection->ssl == NULL || connection->in == NULL || connection->out == NULL)
        return -ENOMEM;
    SSL_set_bio(connection->ssl, connection->in, connection->out);
    rung_scope_open(&scope, HANDSHAKE_NS);
    int64_t result = shake_hands(connection);
    if (result == 0)
        result = connection->server = rung_dial(target, NULL);
    rung_scope_close(&scope);
    return result;
}

static int serve(void *arg)
{
    struct connection connection = { .client = *(rung_fd *)arg, .server = -1, .heard = rung_now() };
    rung_group group;
    if (open_both(&connection) >= 0) {
        connection.heard = rung_now();
        rung_group_open(&group, RUNG_FOREVER);
        if (rung_group_go(&group, forward_in, &connection) == 0 && rung_group_go(&group, forward_out, &connection) < 0)
            rung_group_cancel(&group);
        (void)rung_group_wait(&group);
        rung_close(connection.server);
    }
    SSL_free(connection.ssl);
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
    listener = rung_listen(arg, NULL);
    if (listener < 0) {
        fprintf(stderr, "tls: %s: %s\n", (char *)arg, strerror((int)-listener));
        return (int)listener;
    }
    int error = rung_chan_open(&stop, sizeof(int), 1);
    if (error == 0)
        error = rung_signal_notify(stop, signals, 2);
    if (error < 0)
        return error;
    if (rung_local_address(listener, &bound) == 0 && rung_address_format(&bound, text, sizeof text) > 0)
        fprintf(stderr, "tls: listening at %s\n", text);
    rung_go(accept_all, NULL);
    rung_recv(stop, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    int at = 1;
    if (argc > 3 && strcmp(argv[1], "--idle") == 0 && atof(argv[2]) > 0) {
        idle_ns = (int64_t)(atof(argv[2]) * 1e9);
        at = 3;
    }
    if (argc - at != 4) {
        fprintf(stderr, "usage: tls [--idle SECONDS] CERTIFICATE KEY ADDRESS TARGET\n");
        return 2;
    }
    context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, argv[at]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[at + 1], SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        return 1;
    }
    target = argv[at + 3];
    int result = rung_run(app, argv[at + 2]);
    SSL_CTX_free(context);
    return result < 0;
}
