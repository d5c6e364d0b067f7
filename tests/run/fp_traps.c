/* SPDX-License-Identifier: MIT */
/* A goroutine that lets floating-point underflow trap keeps that over switches, is not trapped in them, and is alone with it. */
#include "common.h"

#include <fenv.h>

enum { TRAPS = FE_UNDERFLOW | FE_DIVBYZERO };

static rung_chan *chan;

static int traps(void *arg)
{
    EXPECT(feenableexcept(TRAPS) != -1);
    for (int i = 0; i < 200; i++) {
        let_others_run(i, chan, 1);
        EXPECT_EQ(fegetexcept(), TRAPS);
    }
    rung_chan_close(chan);
    return arg != NULL;
}

static int does_not(void *arg)
{
    volatile double tiny = 1e-300;
    while (rung_recv(chan, NULL) == 1) {
        EXPECT_EQ(fegetexcept(), 0);
        EXPECT(tiny * tiny == 0);
    }
    return arg != NULL;
}

static int app(void *arg)
{
    rung_group group;
    chan = chan_open(0, 0);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, traps, NULL);
    group_go(&group, does_not, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_chan_free(chan);
    return arg != NULL;
}

int main(void)
{
    if (feenableexcept(TRAPS) == -1 || fegetexcept() != TRAPS)
        SKIP("this CPU does not trap"); /* nor does Valgrind's */
    fedisableexcept(TRAPS);
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
