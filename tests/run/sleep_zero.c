/* SPDX-License-Identifier: MIT */
/* Sleeps of zero and of negative length come back at once with 0; a long one does not overflow. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    static const int64_t none[] = {0, -1, -RUNG_SECONDS(3600), INT64_MIN};
    static const int64_t endless[] = {RUNG_FOREVER, INT64_MAX - 1, INT64_MAX / 2};
    rung_scope scope;
    for (int i = 0; i < 4000; i++)
        EXPECT_EQ(rung_sleep(none[i % 4]), 0);
    for (size_t i = 0; i < LENGTH(endless); i++) {
        rung_scope_open(&scope, MS(5));
        EXPECT_EQ(rung_sleep(endless[i]), -ETIMEDOUT);
        EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    }
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
