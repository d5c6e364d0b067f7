/* SPDX-License-Identifier: MIT */
/*
 * net.c: an echo over loopback TCP, clients and servers in one process: time per round trip, by 64 connections. And an echo
 * for bench_net.py's load, beside which somebody naps.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rung_net.h>

#include "bench.h"

enum { CONNECTIONS = 64, MESSAGE = 512, ROUND_TRIPS = 2000 };

static char address[RUNG_ADDRESS_TEXT];

static int serve(void *arg)
{
    rung_fd fd = *(rung_fd *)arg;
    char bytes[MESSAGE];
    while (rung_read_full(fd, bytes, MESSAGE) == MESSAGE)
        MUST((int)rung_write_full(fd, bytes, MESSAGE));
    return rung_close(fd);
}

static int accept_all(void *arg)
{
    rung_fd listener = *(rung_fd *)arg, fd;
    while ((fd = rung_accept(listener, NULL)) >= 0)
        MUST(rung_go_copy(serve, &fd, sizeof fd));
    return 0;
}

static int ask(void *arg)
{
    rung_fd fd = *(rung_fd *)arg;
    char bytes[MESSAGE] = { 0 };
    for (int i = 0; i < ROUND_TRIPS; i++) {
        MUST((int)rung_write_full(fd, bytes, MESSAGE));
        MUST((int)rung_read_full(fd, bytes, MESSAGE));
    }
    return 0;
}

double batch_echo(void)
{
    rung_fd listener = rung_listen("127.0.0.1:0", NULL), fds[CONNECTIONS];
    rung_address at;
    rung_group group;
    MUST(listener < 0 ? (int)listener : 0);
    MUST(rung_local_address(listener, &at));
    MUST(rung_address_format(&at, address, sizeof address));
    start(accept_all, &listener);
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = rung_dial(address, NULL);
        MUST(fds[i] < 0 ? (int)fds[i] : 0);
    }
    int64_t begin = rung_now();
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < CONNECTIONS; i++)
        MUST(rung_group_go(&group, ask, &fds[i]));
    MUST(rung_group_wait(&group));
    int64_t took = rung_now() - begin;
    for (int i = 0; i < CONNECTIONS; i++)
        MUST(rung_close(fds[i]));
    MUST(rung_close(listener));
    return (double)took / CONNECTIONS / ROUND_TRIPS;
}

int nap_server(void *arg)
{
    rung_fd listener = rung_listen(arg, NULL);
    MUST(listener < 0 ? (int)listener : 0);
    start(accept_all, &listener);
    for (;;) {
        printf("%.1f\n", batch_nap());
        fflush(stdout);
    }
}
