/* SPDX-License-Identifier: MIT */
/* Calls before and after rung_run: those that need it give -ESRCH, those for any thread work. */
#include "common.h"

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void outside(void)
{
    int item = 0;
    rung_go_options options = {.name = "late"};
    EXPECT_EQ(rung_go(nothing, NULL), -ESRCH);
    EXPECT_EQ(rung_go_copy(nothing, &item, sizeof item), -ESRCH);
    EXPECT_EQ(rung_go_with(&options, nothing, NULL), -ESRCH);
    EXPECT_EQ(rung_go_with(NULL, nothing, NULL), -ESRCH);
    EXPECT_EQ(rung_id(), 0);
    EXPECT(rung_now() > 0);
    rung_yield();
    int64_t start = rung_now();
    EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT(rung_now() - start >= MS(1));
    rung_blocking_begin();
    rung_blocking_end();
    rung_pin();
    rung_unpin();
    free(dump_text());
    rung_statistics statistics;
    rung_statistics_read(&statistics);
    EXPECT_EQ(statistics.goroutines, 0);
}

int main(void)
{
    outside();
    EXPECT_EQ(rung_run(nothing, NULL), 0);
    outside();
    return 0;
}
