/* SPDX-License-Identifier: MIT */
/* The peer closes while a file is being sent: a call that got a part out, and met the broken pipe with the next, leaves no SIGPIPE. */
#include "net.h"

#include <fcntl.h>

enum { ROUNDS = 1500, SIZE = 1 << 20 };

static uint64_t seed;

static int read_some(void *arg)
{
    rung_fd end = *(rung_fd *)arg;
    static char bytes[SIZE / 2];
    EXPECT(rung_read(end, bytes, 1 + test_random(&seed) % sizeof bytes) > 0);
    return rung_close(end);
}

static int app(void *arg)
{
    (void)arg;
    char path[] = "/tmp/net_broken_pipe.XXXXXX";
    seed = test_seed();
    int number = mkstemp(path);
    EXPECT(number >= 0);
    EXPECT_EQ(ftruncate(number, SIZE), 0);
    EXPECT_EQ(close(number), 0);
    rung_fd file = rung_file_open(path, O_RDONLY, 0);
    EXPECT_EQ(unlink(path), 0);
    for (int round = 0; round < ROUNDS; round++) {
        rung_fd pair[2];
        connect_pair(pair);
        rung_group group;
        rung_group_open(&group, RUNG_FOREVER);
        group_go(&group, read_some, &pair[1]);
        int64_t sent = rung_send_file(pair[0], file, 0, SIZE);
        EXPECT(sent > 0 || sent == -EPIPE || sent == -ECONNRESET);
        EXPECT_EQ(rung_close(pair[0]), 0);
        EXPECT_EQ(rung_group_wait(&group), 0);
    }
    return rung_close(file);
}

int main(void)
{
    return rung_run(app, NULL);
}
