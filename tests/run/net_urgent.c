/* SPDX-License-Identifier: MIT */
/* Urgent bytes of TCP's are left out of what is read, waited for and spliced, and nobody is kept busy or stopped by them. */
#include "net.h"

#include <poll.h>

enum { ROUNDS = 20 };

static rung_fd pair[2];

static void send_urgent(void)
{
    int number = rung_fd_number(pair[0]);
    EXPECT_EQ(send(number, "!", 1, MSG_OOB), 1);
}

/* Until they have come. */
static void await_urgent(void)
{
    struct pollfd poll_fd = { .fd = rung_fd_number(pair[1]), .events = POLLPRI };
    while (poll(&poll_fd, 1, 0) == 0)
        EXPECT_EQ(rung_sleep(MS(1)), 0);
}

/* One alone is nothing to read. */
static void wait_beside_one(void)
{
    rung_scope scope;
    char byte;
    send_urgent();
    await_urgent();
    rung_scope_open(&scope, MS(20));
    EXPECT_EQ(rung_fd_wait(pair[1], RUNG_READ), -ETIMEDOUT);
    rung_scope_close(&scope);
    rung_scope_open(&scope, MS(20));
    EXPECT_EQ(rung_read(pair[1], &byte, 1), -ETIMEDOUT);
    rung_scope_close(&scope);
}

static void read_past_it(void)
{
    char bytes[4];
    EXPECT_EQ(rung_write_full(pair[0], "ab", 2), 2);
    send_urgent();
    EXPECT_EQ(rung_write_full(pair[0], "cd", 2), 2);
    EXPECT_EQ(rung_read_full(pair[1], bytes, 4), 4);
    EXPECT(memcmp(bytes, "abcd", 4) == 0);
}

/* Everything, to the end: what is spliced into a pipe is what was sent. */
static int splice_all(void *arg)
{
    rung_fd *ends = arg;
    int64_t moved;
    while ((moved = rung_splice(pair[1], ends[1], 100000)) > 0)
        continue;
    EXPECT_EQ(moved, 0);
    return rung_close(ends[1]);
}

/* TCP knows of one at a time: the one before becomes a byte as any other. */
static void splice_past_them(void)
{
    char bytes[4];
    rung_fd ends[2];
    rung_group group;
    EXPECT_EQ(rung_pipe(ends), 0);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, splice_all, ends);
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT_EQ(rung_write_full(pair[0], "ab", (size_t)i % 3), i % 3);
        send_urgent();
        EXPECT_EQ(rung_write_full(pair[0], "cd", 2), 2);
        EXPECT_EQ(rung_read_full(ends[0], bytes, (size_t)i % 3 + 2), i % 3 + 2);
        EXPECT(memcmp(bytes, "ab", (size_t)i % 3) == 0 && memcmp(bytes + i % 3, "cd", 2) == 0);
    }
    send_urgent();
    EXPECT_EQ(rung_write_full(pair[0], "end", 3), 3);
    EXPECT_EQ(rung_shutdown(pair[0], RUNG_WRITE), 0);
    EXPECT_EQ(rung_read_full(ends[0], bytes, 4), 3);
    EXPECT(memcmp(bytes, "end", 3) == 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_close(ends[0]), 0);
}

static void *on_thread(void *arg)
{
    (void)arg;
    connect_pair(pair);
    wait_beside_one();
    close_pair(pair);
    connect_pair(pair);
    read_past_it();
    close_pair(pair);
    return NULL;
}

static int app(void *arg)
{
    (void)arg;
    on_thread(NULL); /* and on a goroutine */
    connect_pair(pair);
    splice_past_them();
    close_pair(pair);
    return 0;
}

int main(void)
{
    pthread_t thread;
    EXPECT_EQ(pthread_create(&thread, NULL, on_thread, NULL), 0);
    pthread_join(thread, NULL);
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
