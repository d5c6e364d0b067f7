/* SPDX-License-Identifier: MIT */
/* Plain threads use sockets as goroutines do: before rung_run, with it, and with goroutines at the other end. */
#include "net.h"

enum { ROUNDS = 2000 }; /* where nobody asks epoll any more, nothing goes on */

static void *echo(void *arg)
{
    rung_fd fd = *(rung_fd *)arg;
    char byte;
    int64_t got;
    while ((got = rung_read(fd, &byte, 1)) == 1)
        EXPECT_EQ(rung_write_full(fd, &byte, 1), 1);
    EXPECT_EQ(got, 0);
    return NULL;
}

static int ask(void *arg)
{
    rung_fd fd = *(rung_fd *)arg;
    for (int round = 0; round < test_scaled(ROUNDS); round++) {
        char sent = (char)round, got = 0;
        EXPECT_EQ(rung_write(fd, &sent, 1), 1);
        EXPECT_EQ(rung_read(fd, &got, 1), 1);
        EXPECT_EQ(got, sent);
    }
    return rung_shutdown(fd, RUNG_WRITE);
}

static int with_a_thread(void *arg)
{
    rung_fd pair[2];
    pthread_t thread;
    (void)arg;
    connect_pair(pair);
    EXPECT_EQ(pthread_create(&thread, NULL, echo, &pair[1]), 0);
    EXPECT_EQ(ask(&pair[0]), 0);
    pthread_join(thread, NULL);
    close_pair(pair);
    return 0;
}

int main(void)
{
    with_a_thread(NULL);
    run_on(1, with_a_thread, NULL);
    run_on(2, with_a_thread, NULL);
    with_a_thread(NULL);
    return 0;
}
