/* SPDX-License-Identifier: MIT */
/* Every call that waits for a descriptor obeys its scope: deadline and cancellation, while it waits and before. */
#include "net.h"

enum { CALLS = 9 };

static rung_fd idle[2], full[2], listener;

static int64_t call(int which)
{
    static char bytes[1 << 16];
    struct iovec part = { bytes, sizeof bytes };
    switch (which) {
    case 0: return rung_read(idle[0], bytes, 1);
    case 1: return rung_read_full(idle[0], bytes, 10);
    case 2: return rung_readv(idle[0], &part, 1);
    case 3: return rung_write(full[0], bytes, sizeof bytes);
    case 4: return rung_write_full(full[0], bytes, sizeof bytes);
    case 5: return rung_writev_full(full[0], &part, 1);
    case 6: return rung_accept(listener, NULL);
    case 7: return rung_fd_wait(idle[0], RUNG_READ);
    default: return rung_fd_wait(full[0], RUNG_WRITE);
    }
}

static int cancel_soon(void *scope)
{
    EXPECT_EQ(rung_sleep(MS(10)), 0);
    rung_scope_cancel(scope);
    return 0;
}

/* On a goroutine, or on a plain thread. */
static void *all_calls(void *arg)
{
    rung_scope scope;
    for (int which = 0; which < CALLS; which++) {
        int64_t before = rung_now();
        rung_scope_open(&scope, MS(10));
        EXPECT_EQ(call(which), -ETIMEDOUT);
        EXPECT(rung_now() - before >= MS(10));
        EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
        rung_scope_open(&scope, RUNG_FOREVER);
        go(cancel_soon, &scope);
        EXPECT_EQ(call(which), -ECANCELED);
        EXPECT_EQ(call(which), -ECANCELED);
        EXPECT_EQ(rung_scope_close(&scope), -ECANCELED);
        rung_scope_open(&scope, 0);
        EXPECT_EQ(call(which), -ETIMEDOUT);
        EXPECT_EQ(rung_dial("127.0.0.1:1", NULL), -ETIMEDOUT);
        EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    }
    return arg;
}

static int app(void *arg)
{
    char text[RUNG_ADDRESS_TEXT];
    static const char fill[1 << 16];
    pthread_t thread;
    (void)arg;
    connect_pair(idle);
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, full), 0); /* TCP finds some more room after a while */
    listener = listen_somewhere(text);
    while (send(rung_fd_number(full[0]), fill, sizeof fill, MSG_DONTWAIT) > 0)
        continue;
    all_calls(NULL);
    EXPECT_EQ(pthread_create(&thread, NULL, all_calls, NULL), 0);
    pthread_join(thread, NULL);
    EXPECT_EQ(rung_write(idle[1], "y", 1), 1); /* what gave up has left nothing behind */
    char byte = 0;
    EXPECT_EQ(rung_read(idle[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    close_pair(idle);
    close_pair(full);
    return rung_close(listener);
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
