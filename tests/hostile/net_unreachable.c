/* SPDX-License-Identifier: MIT */
/* In a net of its own, in which nothing is up: everything is unreachable, and said to be; Unix sockets work. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>

#include <rung_net.h>

#include "../test.h"

static int app(void *arg)
{
    rung_fd pair[2];
    rung_address address;
    rung_socket_options datagram = { .kind = RUNG_DATAGRAM };
    char byte = 0;
    (void)arg;
    EXPECT_EQ(rung_dial("192.0.2.1:80", NULL), -ENETUNREACH);
    EXPECT_EQ(rung_dial("[2001:db8::1]:80", NULL) < 0, 1);
    EXPECT_EQ(rung_dial("127.0.0.1:80", NULL), -ENETUNREACH); /* not even that is up */
    EXPECT_EQ(rung_dial("localhost:80", NULL) < 0, 1);
    EXPECT_EQ(rung_dial("192.0.2.1:80", &datagram), -ENETUNREACH);
    rung_fd fd = rung_listen("0.0.0.0:0", &datagram);
    EXPECT(fd >= 0);
    EXPECT_EQ(rung_address_parse(&address, "192.0.2.1:9"), 0);
    EXPECT_EQ(rung_send_to(fd, "x", 1, &address), -ENETUNREACH);
    EXPECT_EQ(rung_close(fd), 0);
    int result = rung_resolve("no-such-name.example:80", &address, 1);
    EXPECT(result == -EAGAIN || result == -ENOENT);
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pair), 0);
    EXPECT_EQ(rung_write(pair[0], "x", 1), 1);
    EXPECT_EQ(rung_read(pair[1], &byte, 1), 1);
    EXPECT_EQ(rung_close(pair[0]), 0);
    return rung_close(pair[1]);
}

int main(void)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        SKIP("no net of its own to be had here");
    EXPECT_EQ(rung_run(app, NULL), 0);
    return 0;
}
