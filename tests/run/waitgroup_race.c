/* SPDX-License-Identifier: MIT */
/* A wait group on the stack, gone as soon as wait comes back: the last done no longer touches it. */
#include "common.h"

static atomic_int finished;

static int worker(void *waitgroup)
{
    atomic_fetch_add(&finished, 1);
    rung_waitgroup_done(waitgroup);
    return 0;
}

static void one_round(int workers)
{
    rung_waitgroup waitgroup = {0};
    atomic_store(&finished, 0);
    rung_waitgroup_add(&waitgroup, workers);
    for (int i = 0; i < workers; i++)
        go(worker, &waitgroup);
    EXPECT_EQ(rung_waitgroup_wait(&waitgroup), 0);
    EXPECT_EQ(finished, workers);
    memset(&waitgroup, 0xa5, sizeof waitgroup);
}

static int app(void *arg)
{
    (void)arg;
    for (int i = rounds(5000); i > 0; i--)
        one_round(1 + i % 3);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
