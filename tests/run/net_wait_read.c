/* SPDX-License-Identifier: MIT */
/* A wait for readiness, and a read that does not take all, leave nothing unseen: the next read finds it at once. */
#include "net.h"

static int app(void *arg)
{
    rung_fd pair[2];
    rung_scope scope;
    char bytes[8];
    (void)arg;
    connect_pair(pair);
    rung_scope_open(&scope, MS(2));
    EXPECT_EQ(rung_read(pair[0], bytes, 8), -ETIMEDOUT); /* it is registered from here on */
    rung_scope_close(&scope);
    rung_scope_open(&scope, RUNG_FOREVER);
    for (int round = 0; round < 100; round++) {
        EXPECT_EQ(rung_write(pair[1], "abcdefgh", 8), 8);
        EXPECT_EQ(rung_read_full(pair[0], bytes, 8), 8); /* all of it */
        EXPECT_EQ(rung_write(pair[1], "abcdefgh", 8), 8);
        EXPECT_EQ(rung_fd_wait(pair[0], RUNG_READ), RUNG_READ);
        EXPECT_EQ(rung_read_full(pair[0], bytes, 3), 3);
        EXPECT_EQ(rung_read_full(pair[0], bytes, 2), 2);
        EXPECT_EQ(rung_fd_wait(pair[0], RUNG_READ | RUNG_WRITE), RUNG_READ | RUNG_WRITE);
        EXPECT_EQ(rung_read(pair[0], bytes, 8), 3); /* less than was asked for */
    }
    EXPECT_EQ(send(rung_fd_number(pair[1]), "abcd!", 5, MSG_OOB), 5); /* urgent data ends a read early */
    EXPECT_EQ(rung_sleep(MS(5)), 0);
    EXPECT_EQ(rung_write(pair[1], "ef", 2), 2);
    EXPECT_EQ(rung_read(pair[0], bytes, 8), 4);
    EXPECT_EQ(rung_read(pair[0], bytes, 8), 2);
    EXPECT_EQ(rung_write(pair[1], "last", 4), 4);
    EXPECT_EQ(rung_shutdown(pair[1], RUNG_WRITE), 0); /* the end comes with the data, and no event after it */
    EXPECT_EQ(rung_sleep(MS(5)), 0);
    EXPECT_EQ(rung_read(pair[0], bytes, 8), 4);
    EXPECT_EQ(rung_read(pair[0], bytes, 8), 0);
    rung_scope_close(&scope);
    close_pair(pair);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
