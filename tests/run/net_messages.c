/* SPDX-License-Identifier: MIT */
/* UDP, Unix datagrams, sequenced packets and abstract names: borders and addresses are kept; descriptors travel along. */
#include "net.h"

#include <rung_debug.h>

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

/* TCP tells who receives how much more there is, for which there is no room: nothing of the message is lost by that. */
static void over_tcp(void)
{
    rung_fd pair[2], came[2];
    char bytes[4];
    struct iovec room = { bytes, 4 };
    rung_message received = { .parts = &room, .part_count = 1, .fds = came };
    connect_pair(pair);
    for (received.fd_count = 0; received.fd_count <= 2; received.fd_count += 2) {
        int asked = received.fd_count;
        EXPECT_EQ(rung_write(pair[0], "mail", 4), 4);
        EXPECT_EQ(rung_receive_message(pair[1], &received), 4);
        EXPECT_EQ(received.fd_count, 0);
        EXPECT(!received.is_truncated);
        received.fd_count = asked;
    }
    close_pair(pair);
}

/* Who has no name has none; what was in the address before is gone. */
static void from_nobody(void)
{
    rung_fd pair[2];
    rung_address address;
    char bytes[4], text[RUNG_ADDRESS_TEXT];
    struct iovec room = { bytes, 4 };
    rung_message received = { .parts = &room, .part_count = 1, .address = &address };
    EXPECT_EQ(rung_socket_pair(RUNG_DATAGRAM, pair), 0);
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(rung_address_parse(&address, "192.0.2.1:9"), 0);
        EXPECT_EQ(rung_write(pair[0], "x", 1), 1);
        EXPECT_EQ(i == 0 ? rung_receive_message(pair[1], &received) : rung_receive_from(pair[1], bytes, 4, &address), 1);
        EXPECT_EQ(rung_address_format(&address, text, sizeof text), -EAFNOSUPPORT);
    }
    close_pair(pair);
}

static rung_address crowded;

static int send_late(void *arg)
{
    EXPECT_EQ(rung_send_to(*(rung_fd *)arg, "late", 4, &crowded), 4);
    return 0;
}

/* A Unix socket whose queue another one has filled: who sends there waits, without being busy at it, until it is emptied. */
static void crowd(void)
{
    char name[64], bytes[8];
    const rung_socket_options options = { .kind = RUNG_DATAGRAM };
    rung_statistics began, ended;
    rung_scope scope;
    rung_group group;
    snprintf(name, sizeof name, "unix:@rung crowd %d", getpid());
    rung_fd server = rung_listen(name, &options), filler = rung_dial(name, &options);
    EXPECT(server >= 0 && filler >= 0);
    rung_fd sender = rung_fd_adopt(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT(sender >= 0);
    EXPECT_EQ(rung_local_address(server, &crowded), 0);
    int count = 0;
    while (send(rung_fd_number(filler), "full", 4, MSG_DONTWAIT) == 4)
        count++;
    rung_statistics_read(&began);
    rung_scope_open(&scope, MS(500));
    EXPECT_EQ(rung_send_to(sender, "late", 4, &crowded), -ETIMEDOUT);
    rung_scope_close(&scope);
    rung_statistics_read(&ended);
    EXPECT(ended.switches - began.switches < 1000);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, send_late, &sender);
    EXPECT_EQ(rung_sleep(MS(5)), 0);
    while (count-- > 0)
        EXPECT_EQ(rung_receive_from(server, bytes, sizeof bytes, NULL), 4);
    EXPECT_EQ(rung_receive_from(server, bytes, sizeof bytes, NULL), 4);
    EXPECT(memcmp(bytes, "late", 4) == 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_close(sender), 0);
    EXPECT_EQ(rung_close(filler), 0);
    EXPECT_EQ(rung_close(server), 0);
}

static int app(void *arg)
{
    int before = open_sockets();
    udp();
    unix_names(RUNG_STREAM);
    unix_names(RUNG_DATAGRAM);
    unix_names(RUNG_SEQPACKET);
    pass_descriptors();
    over_tcp();
    from_nobody();
    if (arg != NULL)
        crowd();
    wait_for_sockets(before);
    return 0;
}

int main(void)
{
    app(NULL);
    run_on(1, app, &crowded);
    return 0;
}
