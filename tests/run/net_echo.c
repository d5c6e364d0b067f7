/* SPDX-License-Identifier: MIT */
/* An echo over TCP gives back every byte, to many clients at once, each of which sends chunks of random sizes. */
#include "net.h"

enum { CLIENTS = 40, ROUNDS = 200, LARGEST = 20000 };

static char address[RUNG_ADDRESS_TEXT];

static int serve(void *arg)
{
    rung_fd fd = *(rung_fd *)arg;
    static const size_t capacity = 8192;
    char *bytes = malloc(capacity);
    int64_t got;
    while ((got = rung_read(fd, bytes, capacity)) > 0)
        EXPECT_EQ(rung_write_full(fd, bytes, (size_t)got), got);
    EXPECT_EQ(got, 0);
    free(bytes);
    EXPECT_EQ(rung_close(fd), 0);
    return 0;
}

static int accept_all(void *arg)
{
    rung_fd listener = *(rung_fd *)arg;
    rung_fd fd;
    while ((fd = rung_accept(listener, NULL)) >= 0)
        EXPECT_EQ(rung_go_copy(serve, &fd, sizeof fd), 0);
    EXPECT_EQ(fd, -EBADF);
    return 0;
}

struct sender {
    rung_fd fd;
    uint64_t seed;
    int rounds;
};

static void fill(char *bytes, size_t count, uint64_t *state)
{
    for (size_t i = 0; i < count; i += 8) {
        uint64_t random = test_random(state);
        memcpy(bytes + i, &random, count - i < 8 ? count - i : 8);
    }
}

static int send_all(void *arg)
{
    struct sender *sender = arg;
    uint64_t sizes = sender->seed, contents = sender->seed;
    char *bytes = malloc(LARGEST);
    for (int round = 0; round < sender->rounds; round++) {
        size_t count = test_random(&sizes) % LARGEST;
        fill(bytes, count, &contents);
        EXPECT_EQ(rung_write_full(sender->fd, bytes, count), count);
    }
    free(bytes);
    return rung_shutdown(sender->fd, RUNG_WRITE);
}

static int client(void *arg)
{
    rung_group group;
    struct sender sender = { rung_dial(address, NULL), test_seed() + *(int *)arg, (int)test_scaled(ROUNDS) };
    EXPECT(sender.fd >= 0);
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, send_all, &sender), 0);
    uint64_t sizes = sender.seed, contents = sender.seed;
    char *bytes = malloc(LARGEST), *expected = malloc(LARGEST);
    for (int round = 0; round < sender.rounds; round++) {
        size_t count = test_random(&sizes) % LARGEST;
        fill(expected, count, &contents);
        EXPECT_EQ(rung_read_full(sender.fd, bytes, count), count);
        EXPECT(memcmp(bytes, expected, count) == 0);
    }
    EXPECT_EQ(rung_read(sender.fd, bytes, LARGEST), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    free(bytes);
    free(expected);
    return rung_close(sender.fd);
}

static int app(void *arg)
{
    rung_group servers, clients;
    (void)arg;
    rung_fd listener = listen_somewhere(address);
    int before = open_sockets();
    rung_group_open(&servers, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&servers, accept_all, &listener), 0);
    rung_group_open(&clients, RUNG_FOREVER);
    for (int i = 0; i < CLIENTS; i++) {
        rung_go_options options = { .group = &clients, .copy = &i, .copy_size = sizeof i };
        EXPECT_EQ(rung_go_with(&options, client, NULL), 0);
    }
    EXPECT_EQ(rung_group_wait(&clients), 0);
    EXPECT_EQ(rung_close(listener), 0);
    EXPECT_EQ(rung_group_wait(&servers), 0);
    wait_for_sockets(before - 1);
    return 0;
}

int main(void)
{
    EXPECT_EQ(rung_run(app, NULL), 0);
    return 0;
}
