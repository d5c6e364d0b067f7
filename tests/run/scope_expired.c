/* SPDX-License-Identifier: MIT */
/* Every call that would park gives the right error at once in a scope that has ended already. */
#include "blocking_calls.h"

static void try_all(struct things *things, int expected)
{
    for (size_t i = 0; i < LENGTH(blocking_calls); i++)
        expect_result(&blocking_calls[i], blocking_calls[i].call(things), expected);
    EXPECT_EQ(rung_scope_error(), expected);
}

static int app(void *arg)
{
    (void)arg;
    static const int64_t past[] = {0, -1, INT64_MIN};
    struct things things;
    rung_scope outer, inner;
    things_open(&things);
    for (size_t i = 0; i < LENGTH(past); i++) {
        rung_scope_open(&outer, past[i]);
        try_all(&things, -ETIMEDOUT);
        rung_scope_open(&inner, RUNG_SECONDS(100));
        try_all(&things, -ETIMEDOUT);
        EXPECT_EQ(rung_scope_close(&inner), -ETIMEDOUT);
        EXPECT_EQ(rung_scope_close(&outer), -ETIMEDOUT);
    }
    rung_scope_open(&outer, RUNG_FOREVER);
    rung_scope_open(&inner, RUNG_FOREVER);
    rung_scope_cancel(&inner);
    try_all(&things, -ECANCELED);
    EXPECT_EQ(rung_scope_close(&inner), -ECANCELED);
    EXPECT_EQ(rung_scope_error(), 0);
    rung_scope_cancel(&outer);
    try_all(&things, -ECANCELED);
    rung_scope_open(&inner, RUNG_FOREVER);
    try_all(&things, -ECANCELED);
    EXPECT_EQ(rung_scope_close(&inner), -ECANCELED);
    EXPECT_EQ(rung_scope_close(&outer), -ECANCELED);
    EXPECT_EQ(rung_sleep(1), 0);
    things_close(&things);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
