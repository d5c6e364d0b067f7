/* SPDX-License-Identifier: MIT */
/* The reason that a scope ended first is the reason that stays: a later deadline or cancel changes nothing. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    rung_scope scope;
    rung_scope_open(&scope, MS(250)); /* far off: the cancel has to come before it */
    rung_scope_cancel(&scope);
    EXPECT_EQ(rung_scope_error(), -ECANCELED);
    for (int64_t end = rung_now() + MS(255); rung_now() < end;)
        rung_yield();
    EXPECT_EQ(rung_scope_error(), -ECANCELED);
    EXPECT_EQ(rung_scope_close(&scope), -ECANCELED);

    rung_scope_open(&scope, MS(2));
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ETIMEDOUT);
    rung_scope_cancel(&scope);
    EXPECT_EQ(rung_scope_error(), -ETIMEDOUT);
    EXPECT_EQ(rung_sleep(1), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
