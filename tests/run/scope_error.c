/* SPDX-License-Identifier: MIT */
/* A loop that only computes sees by rung_scope_error that its scope has ended, and not before its deadline. */
#include "common.h"

static rung_scope *published;
static rung_chan *is_open;

static int canceller(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_recv(is_open, NULL), 1);
    rung_scope_cancel(published);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_scope scope;
    EXPECT_EQ(rung_scope_error(), 0);
    int64_t start = rung_now();
    rung_scope_open(&scope, MS(10));
    while (rung_scope_error() == 0)
        continue;
    EXPECT(rung_now() - start >= MS(10));
    EXPECT_EQ(rung_scope_error(), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);

    is_open = chan_open(0, 1);
    published = &scope;
    go(canceller, NULL);
    rung_scope_open(&scope, RUNG_FOREVER);
    EXPECT_EQ(rung_send(is_open, NULL), 0);
    while (rung_scope_error() == 0)
        continue;
    EXPECT_EQ(rung_scope_close(&scope), -ECANCELED);
    EXPECT_EQ(rung_scope_error(), 0);
    rung_chan_free(is_open);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
