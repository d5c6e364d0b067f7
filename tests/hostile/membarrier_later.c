/* SPDX-License-Identifier: MIT */
/*
 * A sandbox that forbids membarrier(2) once rung counts on it: a sentence, and not a wake-up that is lost some day.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: membarrier\(2\) is refused \(errno 1\)
 */
#include "hostile.h"

static int app(void *arg)
{
    rung_statistics statistics;
    rung_statistics_read(&statistics);
    if (!statistics.membarrier)
        SKIP("fences do without membarrier here");
    refuse(__NR_membarrier, -1, 0, EPERM);
    return arg != NULL; /* the end of a run is a matter of fences */
}

int main(void)
{
    EXPECT_EQ(setenv("RUNG_PROCS", "1", 1), 0);
    return rung_run(app, NULL);
}
