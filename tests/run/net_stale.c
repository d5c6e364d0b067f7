/* SPDX-License-Identifier: MIT */
/* A handle that was closed stays closed, though its slot and its number are used again; so do an int, and nonsense. */
#include "net.h"

static void expect_bad(rung_fd fd)
{
    char byte = 0;
    struct iovec part = { &byte, 1 };
    rung_address address;
    int value;
    EXPECT_EQ(rung_read(fd, &byte, 1), -EBADF);
    EXPECT_EQ(rung_read_full(fd, &byte, 1), -EBADF);
    EXPECT_EQ(rung_write(fd, &byte, 1), -EBADF);
    EXPECT_EQ(rung_write_full(fd, &byte, 1), -EBADF);
    EXPECT_EQ(rung_read(fd, NULL, 0), -EBADF);
    EXPECT_EQ(rung_readv(fd, &part, 1), -EBADF);
    EXPECT_EQ(rung_writev(fd, &part, 1), -EBADF);
    EXPECT_EQ(rung_writev_full(fd, &part, 1), -EBADF);
    EXPECT_EQ(rung_accept(fd, NULL), -EBADF);
    EXPECT_EQ(rung_shutdown(fd, RUNG_READ), -EBADF);
    EXPECT_EQ(rung_local_address(fd, &address), -EBADF);
    EXPECT_EQ(rung_peer_address(fd, &address), -EBADF);
    EXPECT_EQ(rung_option_set(fd, RUNG_NO_DELAY, 1), -EBADF);
    EXPECT_EQ(rung_option_get(fd, RUNG_NO_DELAY, &value), -EBADF);
    EXPECT_EQ(rung_fd_number(fd), -EBADF);
    EXPECT_EQ(rung_fd_release(fd), -EBADF);
    EXPECT_EQ(rung_fd_wait(fd, RUNG_READ), -EBADF);
    EXPECT_EQ(rung_close(fd), -EBADF);
}

static int app(void *arg)
{
    rung_fd pair[2], again[2];
    (void)arg;
    for (int round = 0; round < 20; round++) {
        connect_pair(pair);
        int number = rung_fd_number(pair[0]);
        close_pair(pair);
        connect_pair(again);
        EXPECT_EQ(rung_write(again[1], "x", 1), 1);
        expect_bad(pair[0]);
        expect_bad(pair[1]);
        expect_bad(number);
        char byte;
        EXPECT_EQ(rung_read(again[0], &byte, 1), 1); /* nobody has read it by the old handle */
        close_pair(again);
    }
    expect_bad(0);
    expect_bad(1);
    expect_bad(-1);
    expect_bad(-EBADF);
    expect_bad(INT64_MIN);
    expect_bad(INT64_MAX);
    expect_bad(INT64_C(1) << 32 | 0xffffffff);
    return 0;
}

int main(void)
{
    app(NULL); /* on a plain thread, before anything runs */
    run_on(1, app, NULL);
    return 0;
}
