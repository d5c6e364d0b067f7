/* SPDX-License-Identifier: MIT */
/* Cases with a NULL channel are never chosen; only such cases, or none at all, park until the scope ends. */
#include "common.h"

static void parks_until_the_end(rung_case *cases, size_t count)
{
    rung_scope scope;
    int64_t start = rung_now();
    rung_scope_open(&scope, MS(5));
    EXPECT_EQ(rung_select(cases, count), -ETIMEDOUT);
    EXPECT(rung_now() - start >= MS(5));
    EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
}

static int app(void *arg)
{
    (void)arg;
    int item = 1;
    rung_chan *chan = chan_open(sizeof(int), 100);
    rung_case nothing[] = {RUNG_CASE_RECV(NULL, &item), RUNG_CASE_SEND(NULL, &item)};
    EXPECT_EQ(rung_try_select(nothing, 2), -EAGAIN);
    parks_until_the_end(nothing, 2);
    parks_until_the_end(nothing, 0);
    parks_until_the_end(NULL, 0);
    for (int i = 0; i < 100; i++) {
        rung_case cases[] = {RUNG_CASE_RECV(NULL, NULL), RUNG_CASE_SEND(NULL, &item),
                             RUNG_CASE_SEND(chan, &item), RUNG_CASE_RECV(NULL, NULL)};
        EXPECT_EQ(i % 2 ? rung_select(cases, 4) : rung_try_select(cases, 4), 2);
    }
    EXPECT_EQ(rung_chan_length(chan), 100);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
