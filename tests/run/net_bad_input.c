/* SPDX-License-Identifier: MIT */
/* What cannot work says so: ports in use, ports where nobody listens, nonsense for options, kinds, counts and pointers. */
#include "net.h"

static void expect_bad_addresses(const rung_fd *pair)
{
    EXPECT_EQ(rung_write(pair[0], NULL, 1), -EFAULT);
    EXPECT_EQ(rung_write_full(pair[0], (void *)8, 1), -EFAULT);
    EXPECT_EQ(rung_write(pair[1], "x", 1), 1);
    EXPECT_EQ(rung_fd_wait(pair[0], RUNG_READ), RUNG_READ);
    EXPECT_EQ(rung_read(pair[0], NULL, 1), -EFAULT);
}

static int app(void *arg)
{
    char text[RUNG_ADDRESS_TEXT], byte = 0;
    rung_fd pair[2];
    int value;
    (void)arg;
    rung_fd listener = listen_somewhere(text);
    EXPECT_EQ(rung_listen(text, NULL), -EADDRINUSE);
    EXPECT_EQ(rung_listen("nonsense", NULL), -EINVAL);
    EXPECT_EQ(rung_listen(NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_dial(NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_listen("unix:/nonexistent/directory/x", NULL), -ENOENT);
    EXPECT_EQ(rung_listen("192.0.2.1:1", NULL), -EADDRNOTAVAIL);
    rung_socket_options options = { .kind = (enum rung_socket_kind)9 };
    EXPECT_EQ(rung_listen("127.0.0.1:0", &options), -EINVAL);
    EXPECT_EQ(rung_dial("127.0.0.1:1", &options), -EINVAL);
    options = (rung_socket_options){ .source = "nonsense" };
    EXPECT_EQ(rung_dial(text, &options), -EINVAL);
    options.source = "192.0.2.1:0";
    EXPECT_EQ(rung_dial(text, &options), -EADDRNOTAVAIL);
    options.source = "127.0.0.7:0";
    rung_fd from = rung_dial(text, &options);
    rung_address address;
    EXPECT(from >= 0);
    EXPECT_EQ(rung_local_address(from, &address), 0);
    EXPECT(rung_address_format(&address, text, sizeof text) > 0);
    EXPECT(strncmp(text, "127.0.0.7:", 10) == 0);
    EXPECT_EQ(rung_accept(from, NULL), -EINVAL); /* it does not listen */
    EXPECT_EQ(rung_peer_address(listener, &address), -ENOTCONN);
    EXPECT_EQ(rung_read(listener, &byte, 1), -ENOTCONN);
    EXPECT_EQ(rung_local_address(from, NULL), -EINVAL);
    EXPECT_EQ(rung_close(from), 0);
    EXPECT_EQ(rung_close(listener), 0);
    EXPECT_EQ(rung_dial("unix:@nobody listens here", NULL), -ECONNREFUSED);
    EXPECT_EQ(rung_dial("127.0.0.1:1", NULL), -ECONNREFUSED);

    connect_pair(pair);
    EXPECT_EQ(rung_read(pair[0], NULL, 0), 0);
    EXPECT_EQ(rung_write(pair[0], NULL, 0), 0);
    if (!IS_VALGRIND) /* which tells of it before the kernel does */
        expect_bad_addresses(pair);
    EXPECT_EQ(rung_readv(pair[0], NULL, 1), -EFAULT);
    EXPECT_EQ(rung_readv(pair[0], NULL, 0), 0);
    EXPECT_EQ(rung_readv(pair[0], NULL, -1), -EINVAL);
    struct iovec part = { &byte, (size_t)1 << 63 };
    EXPECT_EQ(rung_writev(pair[0], &part, 1), -EINVAL);
    EXPECT_EQ(rung_writev_full(pair[0], &part, 1025), -EINVAL);
    EXPECT_EQ(rung_shutdown(pair[0], 0), -EINVAL);
    EXPECT_EQ(rung_shutdown(pair[0], 4), -EINVAL);
    EXPECT_EQ(rung_fd_wait(pair[0], 0), -EINVAL);
    EXPECT_EQ(rung_fd_wait(pair[0], 8), -EINVAL);
    EXPECT_EQ(rung_option_set(pair[0], (enum rung_option)0, 1), -EINVAL);
    EXPECT_EQ(rung_option_set(pair[0], (enum rung_option)99, 1), -EINVAL);
    EXPECT_EQ(rung_option_get(pair[0], RUNG_CORK, NULL), -EINVAL);
    EXPECT_EQ(rung_option_get(pair[0], RUNG_NO_DELAY, &value), 0);
    EXPECT_EQ(value, 1);
    for (int option = RUNG_NO_DELAY; option <= RUNG_TRAFFIC_CLASS; option++) {
        EXPECT_EQ(rung_option_get(pair[0], (enum rung_option)option, &value), 0);
        EXPECT_EQ(rung_option_set(pair[0], (enum rung_option)option, option == RUNG_HOPS ? 9 : value), 0);
    }
    EXPECT_EQ(rung_option_set(pair[0], RUNG_KEEP_ALIVE, 7), 0);
    EXPECT_EQ(rung_option_get(pair[0], RUNG_KEEP_ALIVE, &value), 0);
    EXPECT_EQ(value, 7);
    EXPECT_EQ(rung_option_set(pair[0], RUNG_LINGER, 0), 0);
    EXPECT_EQ(rung_option_get(pair[0], RUNG_LINGER, &value), 0);
    EXPECT_EQ(value, 0);
    EXPECT_EQ(rung_close(pair[0]), 0); /* with a reset */
    EXPECT_EQ(rung_read(pair[1], &byte, 1), -ECONNRESET);
    EXPECT_EQ(rung_write(pair[1], &byte, 1), -EPIPE); /* and no SIGPIPE */
    EXPECT_EQ(rung_close(pair[1]), 0);
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, NULL), -EINVAL);
    EXPECT_EQ(rung_socket_pair((enum rung_socket_kind)9, pair), -EINVAL);
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pair), 0);
    EXPECT_EQ(rung_option_set(pair[0], RUNG_NO_DELAY, 1), -EOPNOTSUPP);
    close_pair(pair);
    EXPECT_EQ(rung_fd_adopt(-1), -EBADF);
    EXPECT_EQ(rung_fd_adopt(1000000), -EBADF);
    return 0;
}

int main(void)
{
    app(NULL);
    run_on(1, app, NULL);
    return 0;
}
