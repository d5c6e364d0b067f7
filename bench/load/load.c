/* SPDX-License-Identifier: MIT */
/*
 * load.c: the load of `./dev bench net`, the same for rung and its peers, and no part of any of them: plain epoll.
 *
 *     load echo HOST PORT CONNECTIONS SECONDS [BYTES]   on each connection: 512 bytes there, the same back, again
 *     load short HOST PORT CONNECTIONS SECONDS [BYTES]  the same, but a new connection for each
 *
 * Prints `requests/s p50-us p99-us`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64 * 1024, EVENTS = 256, SLOTS = 1 << 20 };

struct connection {
    int fd;
    int got;
    int64_t begin;
};

static struct sockaddr_in server = { .sin_family = AF_INET };
static struct connection *connections;
static uint32_t latencies[SLOTS]; /* how many took so many microseconds */
static uint64_t requests;
static int epoll;
static int is_short;
static int message = 512;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void ask(struct connection *connection)
{
    static const char bytes[MOST];
    connection->begin = now();
    connection->got = 0;
    if (send(connection->fd, bytes, (size_t)message, MSG_NOSIGNAL) != message)
        die("send");
}

static void dial(struct connection *connection)
{
    const int on = 1;
    const struct linger drop = { 1, 0 }; /* no TIME_WAIT: ports would run out */
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&server, sizeof server) != 0)
        die("connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (is_short)
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &drop, sizeof drop);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die("epoll_ctl");
}

static void take(struct connection *connection)
{
    static char bytes[MOST];
    ssize_t got = recv(connection->fd, bytes, (size_t)(message - connection->got), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        die("recv");
    connection->got += (int)got;
    if (connection->got < message)
        return;
    int64_t took = (now() - connection->begin) / 1000;
    latencies[took < SLOTS ? took : SLOTS - 1]++;
    requests++;
    if (is_short) {
        close(connection->fd);
        dial(connection);
    }
    ask(connection);
}

static int percentile(double share)
{
    uint64_t rank = (uint64_t)((double)requests * share), seen = 0;
    for (int i = 0; i < SLOTS; i++)
        if ((seen += latencies[i]) > rank)
            return i;
    return SLOTS;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    struct rlimit limit;
    if (argc == 7)
        message = atoi(argv[6]);
    if (argc < 6 || argc > 7 || message < 1 || message > MOST)
        return fprintf(stderr, "usage: load echo|short HOST PORT CONNECTIONS SECONDS [BYTES]\n"), 2;
    is_short = strcmp(argv[1], "short") == 0;
    inet_pton(AF_INET, argv[2], &server.sin_addr);
    server.sin_port = htons((uint16_t)atoi(argv[3]));
    int count = atoi(argv[4]);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t)count, sizeof *connections);
    for (int i = 0; i < count; i++)
        dial(&connections[i]);
    for (int i = 0; i < count; i++)
        ask(&connections[i]);
    int64_t warm = now() + INT64_C(300000000), end = warm + (int64_t)(atof(argv[5]) * 1e9), begin = 0;
    for (int64_t at; (at = now()) < end;) {
        if (begin == 0 && at >= warm) {
            memset(latencies, 0, sizeof latencies);
            requests = 0;
            begin = at;
        }
        int ready = epoll_wait(epoll, events, EVENTS, 1000);
        for (int i = 0; i < ready; i++)
            take(events[i].data.ptr);
    }
    printf("%.0f %d %d\n", (double)requests / ((double)(now() - begin) / 1e9), percentile(0.5), percentile(0.99));
    return 0;
}
