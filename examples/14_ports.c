/* SPDX-License-Identifier: MIT */
/*
 * 14_ports.c: which ports of a host are open: `14_ports HOST FIRST LAST`. Without arguments: of itself, by a port of its own.
 *
 * A hundred goroutines at a time dial, each for at most a second.
 */
#include <errno.h>
#include <rung_net.h>
#include <stdio.h>
#include <stdlib.h>

static const char *host = "127.0.0.1";
static int first, last;
static rung_sema slots;

static int try_port(void *arg)
{
    int port = *(int *)arg;
    char text[300];
    rung_scope scope;
    snprintf(text, sizeof text, "%s:%d", host, port);
    rung_scope_open(&scope, RUNG_SECONDS(1));
    rung_fd fd = rung_dial(text, NULL);
    rung_scope_close(&scope);
    if (fd >= 0) {
        printf(first == last ? "the port is open\n" : "%d is open\n", port);
        rung_close(fd);
    }
    rung_sema_release(&slots, 1);
    return 0;
}

static int app(void *arg)
{
    rung_address own;
    rung_group group;
    rung_fd listener = -EBADF;
    (void)arg;
    if (first == 0) {
        char text[RUNG_ADDRESS_TEXT];
        listener = rung_listen("127.0.0.1:0", NULL);
        rung_local_address(listener, &own);
        rung_address_format(&own, text, sizeof text);
        first = last = atoi(text + sizeof "127.0.0.1");
    }
    rung_sema_release(&slots, 100);
    rung_group_open(&group, RUNG_FOREVER);
    for (int port = first; port <= last; port++) {
        rung_go_options options = { .group = &group, .copy = &port, .copy_size = sizeof port };
        if (rung_sema_acquire(&slots, 1) < 0)
            break;
        if (rung_go_with(&options, try_port, NULL) < 0)
            rung_sema_release(&slots, 1);
    }
    int error = rung_group_wait(&group);
    rung_close(listener);
    return error;
}

int main(int argc, char **argv)
{
    if (argc == 4)
        host = argv[1], first = atoi(argv[2]), last = atoi(argv[3]);
    return rung_run(app, NULL) < 0;
}
