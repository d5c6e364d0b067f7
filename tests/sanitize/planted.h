/* SPDX-License-Identifier: MIT */
/* What the planted errors share: a goroutine that has been switched away from, and on, before it errs. */
#ifndef PLANTED_H
#define PLANTED_H

#include <rung.h>

#include "../test.h"

/* Yields, sleeps, and sends to itself through another goroutine, which keeps frames of its own. */
static int planted_echo(void *arg)
{
    rung_chan **chans = arg;
    int value;
    while (rung_recv(chans[0], &value) == 1)
        EXPECT_EQ(rung_send(chans[1], &value), 0);
    return 0;
}

__attribute__((__unused__, __noinline__))
static void planted_switches(void)
{
    rung_chan *chans[2];
    rung_group group;
    EXPECT_EQ(rung_chan_open(&chans[0], sizeof(int), 0), 0);
    EXPECT_EQ(rung_chan_open(&chans[1], sizeof(int), 0), 0);
    rung_group_open(&group, RUNG_SECONDS(1000));
    EXPECT_EQ(rung_group_go(&group, planted_echo, chans), 0);
    for (int i = 0; i < 20; i++) {
        int value = 0;
        EXPECT_EQ(rung_send(chans[0], &i), 0);
        EXPECT_EQ(rung_recv(chans[1], &value), 1);
        EXPECT_EQ(value, i);
        rung_yield();
    }
    EXPECT_EQ(rung_sleep(RUNG_MILLISECONDS(1)), 0);
    rung_chan_close(chans[0]);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_chan_free(chans[0]);
    rung_chan_free(chans[1]);
}

/* Runs fn in a goroutine of its own, several frames above the error. */
__attribute__((__unused__))
static int planted_app(void *fn)
{
    rung_group group;
    rung_group_open(&group, RUNG_SECONDS(1000));
    rung_function *function = (rung_function *)fn;
    EXPECT_EQ(rung_group_go(&group, function, NULL), 0);
    return rung_group_wait(&group);
}

#define PLANTED_MAIN(fn)                                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        return rung_run(planted_app, (void *)(fn)) == 0 ? 0 : 3;                                   \
    }

#endif
