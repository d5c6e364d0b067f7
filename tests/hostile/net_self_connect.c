/* SPDX-License-Identifier: MIT */
/*
 * Where nobody listens nobody answers, not even the dialling socket itself: in a net of its own, in which the kernel has one port only to
 * give to those who dial, TCP would connect each that dials this port to itself.
 */
#include "own_net.h"

static int app(void *arg)
{
    (void)arg;
    int before = open_sockets();
    EXPECT_EQ(rung_dial("127.0.0.1:40000", NULL), -ECONNREFUSED);
    rung_fd fd = rung_dial("[::1]:40000", NULL);
    EXPECT(fd == -ECONNREFUSED || fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT);
    rung_fd listener = rung_listen("127.0.0.1:40001", NULL);
    EXPECT(listener >= 0);
    fd = rung_dial("127.0.0.1:40001", NULL); /* with another it is as ever */
    EXPECT(fd >= 0);
    EXPECT_EQ(rung_close(fd), 0);
    EXPECT_EQ(rung_close(listener), 0);
    EXPECT_EQ(open_sockets(), before);
    return 0;
}

int main(void)
{
    own_net();
    FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "w");
    if (range == NULL || fputs("40000 40000", range) < 0 || fclose(range) != 0)
        SKIP("the ports to dial from cannot be chosen here");
    run_on(2, app, NULL);
    return 0;
}
