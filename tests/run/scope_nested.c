/* SPDX-License-Identifier: MIT */
/* Scopes nest: the earliest deadline and any outer cancellation hold; an inner end does not reach out. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    rung_scope outer, inner;
    int64_t start = rung_now();
    rung_scope_open(&outer, MS(10)); /* the outer deadline is earlier */
    rung_scope_open(&inner, RUNG_SECONDS(100));
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ETIMEDOUT);
    EXPECT(rung_now() - start >= MS(10));
    EXPECT_EQ(rung_scope_close(&inner), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_close(&outer), -ETIMEDOUT);

    start = rung_now();
    rung_scope_open(&outer, RUNG_SECONDS(100)); /* the inner one is */
    rung_scope_open(&inner, MS(10));
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ETIMEDOUT);
    EXPECT(rung_now() - start >= MS(10));
    EXPECT_EQ(rung_scope_close(&inner), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_error(), 0);
    EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT_EQ(rung_scope_close(&outer), 0);

    rung_scope_open(&outer, RUNG_FOREVER); /* cancelling the outer one reaches the inner one */
    rung_scope_open(&inner, RUNG_FOREVER);
    rung_scope_cancel(&outer);
    EXPECT_EQ(rung_scope_error(), -ECANCELED);
    EXPECT_EQ(rung_scope_close(&inner), -ECANCELED);
    EXPECT_EQ(rung_scope_close(&outer), -ECANCELED);

    rung_scope_open(&outer, RUNG_FOREVER); /* cancelling the inner one does not reach the outer one */
    rung_scope_open(&inner, RUNG_FOREVER);
    rung_scope_cancel(&inner);
    rung_scope_cancel(&inner);
    EXPECT_EQ(rung_sleep(1), -ECANCELED);
    EXPECT_EQ(rung_scope_close(&inner), -ECANCELED);
    EXPECT_EQ(rung_sleep(1), 0);
    rung_scope_open(&inner, RUNG_SECONDS(1000)); /* the same storage again */
    EXPECT_EQ(rung_scope_error(), 0);
    EXPECT_EQ(rung_scope_close(&inner), 0);
    EXPECT_EQ(rung_scope_close(&outer), 0);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
