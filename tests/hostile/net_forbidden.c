/* SPDX-License-Identifier: MIT */
/*
 * A kernel without epoll_pwait2(2), pwritev2(2) and preadv2(2), or a sandbox whose list is older than they are, which
 * forbids them with EPERM: sockets, pipes, files and names do with the older calls. A file's own EPERM stays one.
 */
#include "hostile.h"

#include <rung_net.h>

enum { LAPS = 200 };

static int echoes(void *arg)
{
    rung_fd fd = *(rung_fd *)arg;
    char byte;
    while (rung_read(fd, &byte, 1) == 1)
        EXPECT_EQ(rung_write(fd, &byte, 1), 1);
    return 0;
}

/* With pauses, in which somebody sleeps in epoll; until a deadline, too. */
static void use_sockets(void)
{
    rung_fd pair[2];
    rung_group group;
    rung_scope scope;
    char byte = 'x';
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pair), 0);
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, echoes, &pair[1]), 0);
    for (int i = 0; i < LAPS; i++) {
        EXPECT_EQ(rung_write(pair[0], &byte, 1), 1);
        EXPECT_EQ(rung_read(pair[0], &byte, 1), 1);
        if (i % 50 == 0)
            EXPECT_EQ(rung_sleep(MS(3)), 0);
    }
    rung_scope_open(&scope, MS(5));
    EXPECT_EQ(rung_read(pair[0], &byte, 1), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    EXPECT_EQ(rung_close(pair[0]), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_close(pair[1]), 0);
}

static void use_pipes(void)
{
    rung_fd ends[2];
    char bytes[3];
    EXPECT_EQ(rung_pipe(ends), 0);
    EXPECT_EQ(rung_write_full(ends[1], "abc", 3), 3);
    EXPECT_EQ(rung_read_full(ends[0], bytes, 3), 3);
    EXPECT_EQ(rung_close(ends[0]), 0);
    EXPECT_EQ(rung_write(ends[1], "x", 1), -EPIPE);
    EXPECT_EQ(rung_close(ends[1]), 0);
}

static void use_files(void)
{
    char bytes[4];
    int number = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    EXPECT(number >= 0);
    rung_fd file = rung_fd_adopt(number);
    EXPECT(file >= 0);
    EXPECT_EQ(rung_write_full(file, "0123456789", 10), 10);
    EXPECT_EQ(rung_read_at(file, bytes, 4, 3), 4);
    EXPECT_EQ(memcmp(bytes, "3456", 4), 0);
    EXPECT_EQ(lseek(number, 6, SEEK_SET), 6);
    EXPECT_EQ(rung_read(file, bytes, 4), 4);
    EXPECT_EQ(memcmp(bytes, "6789", 4), 0);
    if (fcntl(number, F_ADD_SEALS, F_SEAL_WRITE) == 0)
        EXPECT_EQ(rung_write(file, "x", 1), -EPERM);
    EXPECT_EQ(rung_close(file), 0);
}

static int app(void *arg)
{
    rung_address address;
    use_sockets();
    use_pipes();
    use_files();
    EXPECT(rung_resolve("localhost:80", &address, 1) != -EPERM); /* whose answer comes by a pipe */
    return arg != NULL;
}

static void runs(int error)
{
    static const int calls[] = {441 /* epoll_pwait2 */, __NR_pwritev2, __NR_preadv2};
    for (size_t i = 0; i < LENGTH(calls); i++)
        refuse(calls[i], -1, 0, error);
    for (int procs = 1; procs <= 2; procs++)
        run_on(procs, app, NULL);
}

static void are_unknown(void)
{
    runs(ENOSYS);
}

static void are_forbidden(void)
{
    runs(EPERM);
}

int main(void)
{
    passes(are_unknown);
    passes(are_forbidden);
    return 0;
}
