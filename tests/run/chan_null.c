/* SPDX-License-Identifier: MIT */
/* A NULL channel parks until the scope ends, gives -EAGAIN to the try forms, and has no length. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    int value = 3;
    EXPECT_EQ(rung_try_send(NULL, &value), -EAGAIN);
    EXPECT_EQ(rung_try_recv(NULL, &value), -EAGAIN);
    EXPECT_EQ(rung_chan_length(NULL), 0);
    EXPECT_EQ(rung_chan_capacity(NULL), 0);
    rung_chan_free(NULL);

    for (int is_send = 0; is_send < 2; is_send++) {
        rung_scope scope;
        int64_t start = rung_now();
        rung_scope_open(&scope, MS(5));
        EXPECT_EQ(is_send ? rung_send(NULL, &value) : rung_recv(NULL, &value), -ETIMEDOUT);
        EXPECT(rung_now() - start >= MS(5));
        EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    }
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
