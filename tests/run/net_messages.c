/* SPDX-License-Identifier: MIT */
/* UDP, Unix datagrams, sequenced packets and abstract names: borders and addresses are kept; descriptors travel along. */
#include "net.h"

static void udp(void)
{
    char text[RUNG_ADDRESS_TEXT], bytes[100];
    rung_address address, from;
    rung_socket_options options = { .kind = RUNG_DATAGRAM };
    rung_fd server = rung_listen("127.0.0.1:0", &options);
    EXPECT(server >= 0);
    EXPECT_EQ(rung_local_address(server, &address), 0);
    EXPECT(rung_address_format(&address, text, sizeof text) > 0);
    rung_fd client = rung_dial(text, &options);
    EXPECT(client >= 0);
    EXPECT_EQ(rung_write(client, "one", 3), 3);
    EXPECT_EQ(rung_send_to(client, NULL, 0, NULL), 0); /* an empty one is one, too */
    EXPECT_EQ(rung_send_to(client, "three", 5, &address), 5);
    EXPECT_EQ(rung_receive_from(server, bytes, sizeof bytes, &from), 3);
    EXPECT_EQ(rung_receive_from(server, bytes, sizeof bytes, NULL), 0);
    EXPECT_EQ(rung_receive_from(server, bytes, 2, &from), 2);
    EXPECT_EQ(rung_send_to(server, "back", 4, &from), 4);
    EXPECT_EQ(rung_read(client, bytes, sizeof bytes), 4);
    EXPECT_EQ(rung_send_to(server, "x", 1, NULL), -EDESTADDRREQ);
    static char large[70000];
    EXPECT_EQ(rung_send_to(client, large, sizeof large, NULL), -EMSGSIZE);
    EXPECT_EQ(rung_close(server), 0);
    int64_t result;
    do { /* the kernel, in another thread's epoll_wait, may hold the server a moment longer */
        rung_scope scope;
        result = rung_write(client, "x", 1);
        EXPECT(result == 1 || result == -ECONNREFUSED); /* of the one before */
        rung_scope_open(&scope, MS(10));
        if (result == 1)
            result = rung_read(client, bytes, 1);
        rung_scope_close(&scope);
    } while (result == -ETIMEDOUT);
    EXPECT_EQ(result, -ECONNREFUSED);
    EXPECT_EQ(rung_close(client), 0);
}

static void unix_names(enum rung_socket_kind kind)
{
    char name[64], bytes[16];
    rung_socket_options options = { .kind = kind };
    snprintf(name, sizeof name, "unix:@rung test %d %d", getpid(), (int)kind);
    rung_fd server = rung_listen(name, &options);
    EXPECT(server >= 0);
    EXPECT_EQ(rung_listen(name, &options), -EADDRINUSE);
    rung_fd client = rung_dial(name, &options);
    EXPECT(client >= 0);
    EXPECT_EQ(rung_write(client, "abc", 3), 3);
    EXPECT_EQ(rung_write(client, "de", 2), 2);
    rung_fd end = kind == RUNG_DATAGRAM ? server : rung_accept(server, NULL);
    EXPECT_EQ(rung_read(end, bytes, sizeof bytes), kind == RUNG_STREAM ? 5 : 3);
    if (kind != RUNG_STREAM)
        EXPECT_EQ(rung_read(end, bytes, sizeof bytes), 2);
    EXPECT_EQ(rung_close(client), 0);
    if (kind != RUNG_DATAGRAM) {
        EXPECT_EQ(rung_read(end, bytes, 1), 0);
        EXPECT_EQ(rung_close(end), 0);
    }
    EXPECT_EQ(rung_close(server), 0);
}

/* The write end of a pipe goes through a socket; what is written there comes out of the pipe. */
static void pass_descriptors(void)
{
    rung_fd pair[2], pipe_ends[2], came[3] = { -1, -1, -1 };
    char bytes[4] = "mail", got[4];
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pair), 0);
    EXPECT_EQ(rung_pipe(pipe_ends), 0);
    struct iovec part = { bytes, 4 }, room = { got, 4 };
    rung_message sent = { .parts = &part, .part_count = 1, .fds = &pipe_ends[1], .fd_count = 1 };
    rung_message received = { .parts = &room, .part_count = 1, .fds = came, .fd_count = 3 };
    EXPECT_EQ(rung_send_message(pair[0], &sent), 4);
    EXPECT_EQ(rung_close(pipe_ends[1]), 0);
    EXPECT_EQ(rung_receive_message(pair[1], &received), 4);
    EXPECT_EQ(received.fd_count, 1);
    EXPECT(!received.is_truncated);
    EXPECT_EQ(rung_write(came[0], "x", 1), 1);
    EXPECT_EQ(rung_read(pipe_ends[0], got, 4), 1);
    EXPECT_EQ(rung_close(came[0]), 0);
    EXPECT_EQ(rung_read(pipe_ends[0], got, 4), 0);

    sent.fds = pair;
#ifndef __aarch64__ /* qemu-user drops what there is no room for without closing it, or telling */
    sent.fd_count = 2;
    EXPECT_EQ(rung_send_message(pair[0], &sent), 4);
    received.fd_count = 1;
    EXPECT_EQ(rung_receive_message(pair[1], &received), 4);
    EXPECT_EQ(received.fd_count, 1);
    EXPECT(received.is_truncated);
    EXPECT_EQ(rung_close(came[0]), 0);
#endif
    EXPECT_EQ(rung_send_message(pair[0], &sent), 4);
    received.fd_count = 0; /* no room at all: they are dropped */
    EXPECT_EQ(rung_receive_message(pair[1], &received), 4);
    EXPECT_EQ(received.fd_count, 0);
    sent.fds = &came[2];
    sent.fd_count = 1;
    EXPECT_EQ(rung_send_message(pair[0], &sent), -EBADF);
    sent.fd_count = 254;
    EXPECT_EQ(rung_send_message(pair[0], &sent), -EINVAL);
    EXPECT_EQ(rung_send_message(pair[0], NULL), -EINVAL);
    close_pair(pair);
    EXPECT_EQ(rung_close(pipe_ends[0]), 0);
}

static int app(void *arg)
{
    (void)arg;
    int before = open_sockets();
    udp();
    unix_names(RUNG_STREAM);
    unix_names(RUNG_DATAGRAM);
    unix_names(RUNG_SEQPACKET);
    pass_descriptors();
    wait_for_sockets(before);
    return 0;
}

int main(void)
{
    app(NULL);
    run_on(1, app, NULL);
    return 0;
}
