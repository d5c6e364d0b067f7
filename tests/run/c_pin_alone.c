/* SPDX-License-Identifier: MIT */
/*
 * A pinned goroutine sleeps while no other thread is there: nobody is the keeper of its timer then, and
 * the monitor, which would go to sleep after 110 ms, has to be.
 */
#include "common.h"

static int app(void *arg)
{
    int64_t start = rung_now();
    rung_pin();
    EXPECT_EQ(rung_sleep(MS(700)), 0);
    rung_unpin();
    EXPECT(rung_now() - start >= MS(700));
    return arg != NULL;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
