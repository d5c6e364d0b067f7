/* SPDX-License-Identifier: MIT */
/* A close wakes whoever reads, writes, accepts, splices, waits or is queued for its turn, with -EBADF; on goroutines and threads. */
#include "net.h"

enum { KINDS = 8, QUEUED = 3 };

static rung_fd pair[2], spliced[2], empty[2], full[2], listener;
static atomic_int woken;

/* Until not even a byte finds room: no descriptor of rung's blocks. */
static void fill(rung_fd fd)
{
    static const char bytes[1 << 16];
    for (size_t count = sizeof bytes; count > 0; count = count > 1)
        while (write(rung_fd_number(fd), bytes, count) > 0)
            continue;
}

static int wait_for_it(void *arg)
{
    char byte = 0;
    struct iovec part = { &byte, 1 };
    switch ((intptr_t)arg) {
    case 0:
        EXPECT_EQ(rung_read(pair[0], &byte, 1), -EBADF);
        break;
    case 1:
        EXPECT_EQ(rung_write_full(pair[0], &byte, 1), -EBADF);
        break;
    case 2:
        EXPECT_EQ(rung_fd_wait(pair[0], RUNG_READ | RUNG_WRITE), -EBADF);
        break;
    case 3:
        EXPECT_EQ(rung_accept(listener, NULL), -EBADF);
        break;
    case 4:
        EXPECT_EQ(rung_read_full(pair[0], &byte, 1), -EBADF);
        break;
    case 5:
        EXPECT_EQ(rung_readv(pair[0], &part, 1), -EBADF);
        break;
    case 6: /* these wait for the other of the two */
        EXPECT_EQ(rung_splice(empty[0], spliced[0], 1), -EBADF);
        break;
    case 7:
        EXPECT_EQ(rung_splice(spliced[0], full[1], 1), -EBADF);
        break;
    }
    atomic_fetch_add(&woken, 1);
    return 0;
}

static void *thread(void *arg)
{
    wait_for_it(arg);
    return NULL;
}

static void close_while(bool on_threads)
{
    pthread_t threads[KINDS * QUEUED];
    char text[RUNG_ADDRESS_TEXT];
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pair), 0); /* TCP finds some more room after a while */
    listener = listen_somewhere(text);
    fill(pair[0]);
    EXPECT_EQ(rung_pipe(empty), 0);
    EXPECT_EQ(rung_pipe(full), 0);
    fill(full[1]);
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, spliced), 0);
    EXPECT_EQ(rung_write(spliced[1], "x", 1), 1);
    woken = 0;
    for (intptr_t i = 0; i < KINDS * QUEUED; i++) {
        if (on_threads)
            EXPECT_EQ(pthread_create(&threads[i], NULL, thread, (void *)(i % KINDS)), 0);
        else
            go(wait_for_it, (void *)(i % KINDS));
    }
    EXPECT_EQ(rung_sleep(MS(20)), 0);
    EXPECT_EQ(woken, 0);
    EXPECT_EQ(rung_close(pair[0]), 0);
    EXPECT_EQ(rung_close(spliced[0]), 0);
    EXPECT_EQ(rung_close(listener), 0);
    EXPECT_EQ(rung_close(pair[0]), -EBADF);
    while (woken < KINDS * QUEUED)
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT_EQ(woken, KINDS * QUEUED);
    for (int i = 0; on_threads && i < KINDS * QUEUED; i++)
        pthread_join(threads[i], NULL);
    EXPECT_EQ(rung_close(pair[1]), 0);
    EXPECT_EQ(rung_close(spliced[1]), 0);
    close_pair(empty);
    close_pair(full);
}

static int app(void *arg)
{
    (void)arg;
    int before = open_sockets();
    close_while(false);
    close_while(true);
    wait_for_sockets(before);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
