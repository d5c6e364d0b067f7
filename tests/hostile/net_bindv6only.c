/* SPDX-License-Identifier: MIT */
/* Where the system's default is that IPv6 sockets take IPv6 only, ":port" still listens for both. */
#define _GNU_SOURCE
#include "own_net.h"

static void expect_reachable(const rung_socket_options *options, const char *host)
{
    rung_address bound;
    char text[RUNG_ADDRESS_TEXT], byte = 0;
    rung_fd listener = rung_listen(":0", options);
    EXPECT(listener >= 0);
    EXPECT_EQ(rung_local_address(listener, &bound), 0);
    EXPECT(rung_address_format(&bound, text, sizeof text) > 0);
    char name[64];
    snprintf(name, sizeof name, "%s%s", host, strrchr(text, ':'));
    rung_fd fd = rung_dial(name, options);
    EXPECT(fd >= 0);
    EXPECT_EQ(rung_write(fd, "x", 1), 1);
    rung_fd accepted = options == NULL ? rung_accept(listener, NULL) : listener;
    EXPECT_EQ(rung_read(accepted, &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
    if (accepted != listener)
        EXPECT_EQ(rung_close(accepted), 0);
    EXPECT_EQ(rung_close(fd), 0);
    EXPECT_EQ(rung_close(listener), 0);
}

static int app(void *arg)
{
    static const rung_socket_options datagram = { .kind = RUNG_DATAGRAM };
    (void)arg;
    expect_reachable(NULL, "127.0.0.1");
    expect_reachable(NULL, "[::1]");
    expect_reachable(&datagram, "127.0.0.1");
    return 0;
}

int main(void)
{
    own_net();
    FILE *setting = fopen("/proc/sys/net/ipv6/bindv6only", "w");
    if (setting == NULL || fputs("1", setting) < 0 || fclose(setting) != 0)
        SKIP("the default cannot be set here");
    EXPECT_EQ(rung_run(app, NULL), 0);
    return 0;
}
