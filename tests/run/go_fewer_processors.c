/* SPDX-License-Identifier: MIT */
/*
 * Where address space for stacks is scarce, a run has those too that an earlier one left with processors which this one
 * does not have.
 */
#include "common.h"

enum { MOST = 4096 };

static int started;

static int sleeps(void *arg)
{
    int64_t end = rung_now() + RUNG_MICROSECONDS(100);
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
    while (rung_now() < end) /* so that others end elsewhere */
        continue;
    return arg != NULL;
}

static int app(void *arg)
{
    int error;
    for (started = 0; started < MOST && (error = rung_go(sleeps, NULL)) == 0; started++)
        rung_yield();
    EXPECT_EQ(error, -ENOMEM);
    return arg != NULL;
}

int main(void)
{
    setenv("RUNG_RESERVE", "64m", 1);
    run_on(8, app, NULL);
    int before = started;
    run_on(1, app, NULL);
    EXPECT_EQ(started, before);
    return 0;
}
