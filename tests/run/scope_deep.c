/* SPDX-License-Identifier: MIT */
/* 500 nested scopes: cancelling one in the middle ends those within it and none around it. */
#include "common.h"

enum { DEPTH = 500 };

static rung_scope scopes[DEPTH];

static int canceller(void *scope)
{
    rung_scope_cancel(scope);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    for (int target = 0; target < DEPTH; target += 83) {
        for (int i = 0; i < DEPTH; i++)
            rung_scope_open(&scopes[i], i % 2 ? RUNG_FOREVER : RUNG_SECONDS(1000 + i));
        EXPECT_EQ(rung_sleep(1), 0);
        go(canceller, &scopes[target]);
        EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
        for (int i = DEPTH - 1; i >= 0; i--)
            EXPECT_EQ(rung_scope_close(&scopes[i]), i >= target ? -ECANCELED : 0);
    }
    for (int i = 0; i < rounds(100000); i++) { /* and opening and closing leaves nothing behind */
        rung_scope_open(&scopes[0], RUNG_SECONDS(1000));
        EXPECT_EQ(rung_scope_close(&scopes[0]), 0);
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
