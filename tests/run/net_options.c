/* SPDX-License-Identifier: MIT */
/* What is asked of a socket holds: a shared port, the address to dial from, and each option, as the kernel tells it back. */
#include "net.h"

#include <errno.h>

static void share_a_port(void)
{
    char text[RUNG_ADDRESS_TEXT];
    rung_address address;
    const rung_socket_options shared = { .reuse_port = true };
    rung_fd first = rung_listen("127.0.0.1:0", &shared);
    EXPECT(first >= 0);
    EXPECT_EQ(rung_local_address(first, &address), 0);
    EXPECT(rung_address_format(&address, text, sizeof text) > 0);
    rung_fd second = rung_listen(text, &shared);
    EXPECT(second >= 0);
    EXPECT_EQ(rung_listen(text, NULL), -EADDRINUSE);
    EXPECT_EQ(rung_close(first), 0);
    rung_fd client = rung_dial(text, NULL), server = rung_accept(second, NULL);
    EXPECT(client >= 0 && server >= 0);
    EXPECT_EQ(rung_close(client), 0);
    EXPECT_EQ(rung_close(server), 0);
    EXPECT_EQ(rung_close(second), 0);
}

static void dial_from(void)
{
    char text[RUNG_ADDRESS_TEXT];
    rung_address peer;
    const rung_socket_options options = { .source = "127.0.0.9:0" };
    rung_fd listener = listen_somewhere(text);
    rung_fd client = rung_dial(text, &options), server = rung_accept(listener, &peer);
    EXPECT(client >= 0 && server >= 0);
    EXPECT(rung_address_format(&peer, text, sizeof text) > 0);
    EXPECT(strncmp(text, "127.0.0.9:", 10) == 0);
    EXPECT_EQ(rung_close(client), 0);
    EXPECT_EQ(rung_close(server), 0);
    EXPECT_EQ(rung_close(listener), 0);
}

static void set_and_get(void)
{
    static const struct {
        enum rung_option option;
        int value;
    } asked[] = {
        { RUNG_NO_DELAY, 0 }, { RUNG_NO_DELAY, 1 }, { RUNG_KEEP_ALIVE, 77 }, { RUNG_KEEP_ALIVE, 0 }, { RUNG_LINGER, 3 },
        { RUNG_LINGER, -1 }, { RUNG_LINGER, 0 }, { RUNG_USER_TIMEOUT, 4000 }, { RUNG_HOPS, 9 }, { RUNG_TRAFFIC_CLASS, 8 },
    };
    rung_fd pair[2];
    int value = -1;
    char byte;
    connect_pair(pair);
    EXPECT_EQ(rung_option_get(pair[0], RUNG_NO_DELAY, &value), 0);
    EXPECT_EQ(value, 1);
    for (size_t i = 0; i < LENGTH(asked); i++) {
        EXPECT_EQ(rung_option_set(pair[0], asked[i].option, asked[i].value), 0);
        EXPECT_EQ(rung_option_get(pair[0], asked[i].option, &value), 0);
        EXPECT_EQ(value, asked[i].value);
    }
    EXPECT_EQ(rung_option_set(pair[0], RUNG_RECEIVE_BUFFER, 50000), 0);
    EXPECT_EQ(rung_option_get(pair[0], RUNG_RECEIVE_BUFFER, &value), 0);
    EXPECT(value >= 50000);
    EXPECT_EQ(rung_close(pair[0]), 0); /* without lingering: a reset */
    EXPECT_EQ(rung_read(pair[1], &byte, 1), -ECONNRESET);
    EXPECT_EQ(rung_close(pair[1]), 0);
}

static int app(void *arg)
{
    (void)arg;
    int before = open_sockets();
    share_a_port();
    dial_from();
    set_and_get();
    EXPECT_EQ(open_sockets(), before);
    return 0;
}

int main(void)
{
    app(NULL);
    run_on(2, app, NULL);
    return 0;
}
