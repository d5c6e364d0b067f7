/* SPDX-License-Identifier: MIT */
/*
 * RLIMIT_NOFILE: without one descriptor to be had, everything works: the probe of guards, which needs a pipe, falls
 * back to mprotect, and blocked threads, whose state can't be read, lose their processors when their slice is over.
 */
#include "hostile.h"
#include "workload.h"

static atomic_bool has_run;

static int runs(void *arg)
{
    has_run = true;
    return arg != NULL;
}

static int app(void *arg)
{
    struct timespec time = {0, 300000000};
    has_run = false;
    EXPECT_EQ(open("/dev/null", O_RDONLY), -1);
    go(runs, NULL);
    while (!has_run) /* meanwhile, also on one processor */
        nanosleep(&time, NULL);
    work();
    return arg != NULL;
}

int main(void)
{
    limit(RLIMIT_NOFILE, 3);
    for (int procs = 1; procs <= 3; procs++)
        run_on(procs, app, NULL);
    return 0;
}
