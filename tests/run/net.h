/* SPDX-License-Identifier: MIT */
/* net.h: what tests of sockets share: a listener on a free port of loopback, connected pairs, and that nothing is left open. */
#ifndef NET_H
#define NET_H

#include "common.h"

#include <dirent.h>
#include <poll.h>
#include <rung_net.h>
#include <sys/socket.h>

/* A listener at a free port; its address goes to `text`. */
__attribute__((__unused__))
static rung_fd listen_somewhere(char text[RUNG_ADDRESS_TEXT])
{
    rung_address address;
    rung_fd listener = rung_listen("127.0.0.1:0", NULL);
    EXPECT(listener >= 0);
    EXPECT_EQ(rung_local_address(listener, &address), 0);
    EXPECT(rung_address_format(&address, text, RUNG_ADDRESS_TEXT) > 0);
    return listener;
}

/* Two ends of one TCP connection. The kernel connects before the accept. */
__attribute__((__unused__))
static void connect_pair(rung_fd pair[2])
{
    char text[RUNG_ADDRESS_TEXT];
    rung_fd listener = listen_somewhere(text);
    pair[0] = rung_dial(text, NULL);
    EXPECT(pair[0] >= 0);
    pair[1] = rung_accept(listener, NULL);
    EXPECT(pair[1] >= 0);
    EXPECT_EQ(rung_close(listener), 0);
}

/* Sockets and pipes that this process has open. (rung's threads have other descriptors, each its own.) */
__attribute__((__unused__))
static int open_sockets(void)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    int count = 0;
    EXPECT(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        char target[64];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target);
        count += length > 5 && (memcmp(target, "socke", 5) == 0 || memcmp(target, "pipe:", 5) == 0);
    }
    closedir(directory);
    return count;
}

/* Until no more than so many are: the other ends' goroutines may have yet to close theirs. */
__attribute__((__unused__))
static void wait_for_sockets(int count)
{
    while (open_sockets() > count)
        EXPECT_EQ(rung_sleep(RUNG_MILLISECONDS(1)), 0);
    EXPECT_EQ(open_sockets(), count);
}

/* How many connections wait in the kernel for a TCP listener to accept them. */
__attribute__((__unused__))
static int queued_at(const char *text)
{
    char line[256];
    unsigned port, state, length, wanted = (unsigned)atoi(strrchr(text, ':') + 1);
    int found = -1;
    FILE *file = fopen(text[0] == '[' ? "/proc/net/tcp6" : "/proc/net/tcp", "r");
    EXPECT(file != NULL);
    while (found < 0 && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "%*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%x", &port, &state, &length) == 3 &&
            port == wanted && state == 10 /* it listens */)
            found = (int)length;
    fclose(file);
    EXPECT(found >= 0);
    return found;
}

/* Fills the queue of a listener with a backlog of 1, that accepts nothing: who connects from then on gets no answer. */
__attribute__((__unused__))
static void fill_queue(const char *text)
{
    bool is_unix = strncmp(text, "unix:", 5) == 0, is_full = false;
    rung_address address;
    EXPECT_EQ(rung_address_parse(&address, text), 0);
    while (!is_full) {
        int number = socket(is_unix ? AF_UNIX : text[0] == '[' ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        EXPECT(number >= 0);
        int result = connect(number, (struct sockaddr *)address.storage, address.length);
        is_full = is_unix && result != 0 && errno == EAGAIN;
        if (!is_unix) {
            (void)poll(&(struct pollfd){ number, POLLOUT, 0 }, 1, 500);
            is_full = queued_at(text) > 1;
        }
        close(number); /* and it stays in the queue */
    }
}

__attribute__((__unused__))
static void close_pair(rung_fd pair[2])
{
    EXPECT_EQ(rung_close(pair[0]), 0);
    EXPECT_EQ(rung_close(pair[1]), 0);
}

#endif
