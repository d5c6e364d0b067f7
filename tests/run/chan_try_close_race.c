/* SPDX-License-Identifier: MIT */
/* A channel with an item in it that is being closed is ready at every moment: no -EAGAIN. */
#include "common.h"

static int try_it(void *chan)
{
    int value = 7, result = rung_try_recv(chan, &value);
    EXPECT(result == 1 || result == 0);
    EXPECT_EQ(value, result);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    for (int i = rounds(3000); i > 0; i--) {
        rung_chan *chan = chan_open(sizeof(int), 1);
        rung_group group;
        send_int(chan, 1);
        rung_group_open(&group, RUNG_FOREVER);
        group_go(&group, try_it, chan);
        rung_chan_close(chan);
        (void)rung_recv(chan, NULL);
        EXPECT_EQ(rung_group_wait(&group), 0);
        rung_chan_free(chan);
    }
    return 0;
}

int main(void)
{
    run_on(4, app, NULL);
    return 0;
}
