/* SPDX-License-Identifier: MIT */
/* The reason that a scope ended first is the reason that stays: a later deadline or cancel changes nothing. */
#include "common.h"

/* Gives back false if the machine was so busy that the deadline came first. */
static bool cancels_before_deadline(void)
{
    rung_scope scope;
    int64_t start = rung_now();
    rung_scope_open(&scope, MS(50));
    rung_scope_cancel(&scope);
    bool is_first = rung_now() - start < MS(50);
    int error = rung_scope_error();
    EXPECT(error == -ECANCELED || !is_first);
    for (int64_t end = rung_now() + MS(55); rung_now() < end;)
        rung_yield();
    EXPECT_EQ(rung_scope_error(), error);
    EXPECT_EQ(rung_scope_close(&scope), error);
    return is_first;
}

static int app(void *arg)
{
    (void)arg;
    rung_scope scope;
    while (!cancels_before_deadline())
        continue;

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
