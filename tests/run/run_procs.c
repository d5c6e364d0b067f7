/* SPDX-License-Identifier: MIT */
/* RUNG_PROCS sets the number of processors, from 1 to 16 here; without it there is at least one. */
#include "common.h"

static rung_statistics statistics;

static int member(void *arg)
{
    for (int i = 0; i < 50; i++)
        rung_yield();
    return arg != NULL;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 40; i++)
        group_go(&group, member, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_statistics_read(&statistics);
    return 0;
}

int main(void)
{
    for (int procs = 1; procs <= 16; procs++) {
        run_on(procs, app, NULL);
        EXPECT_EQ(statistics.processors, procs);
    }
    unsetenv("RUNG_PROCS");
    EXPECT_EQ(rung_run(app, NULL), 0);
    EXPECT(statistics.processors >= 1);
    EXPECT(statistics.processors <= (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
    return 0;
}
