/* SPDX-License-Identifier: MIT */
/* errno is each goroutine's own: it survives parking and migration, and rung calls do not change it. */
#include "common.h"

#include <rung_errno.h>

static rung_chan *chan;

static int keeps_errno(void *arg)
{
    int mine = 1000 + (int)(uintptr_t)arg;
    errno = mine;
    for (int i = 0; i < 300; i++) {
        if (i % 3 == 0)
            rung_yield();
        else if (i % 3 == 1)
            EXPECT_EQ(rung_sleep(i % 7 * 500), 0);
        else
            EXPECT_EQ((uintptr_t)arg % 2 ? rung_send(chan, NULL) : rung_recv(chan, NULL), (uintptr_t)arg % 2 ? 0 : 1);
        EXPECT_EQ(errno, mine);
        if (i % 50 == 49) { /* a failing libc call sets it, also after a migration */
            EXPECT_EQ(close(-1), -1);
            EXPECT_EQ(errno, EBADF);
            rung_yield();
            EXPECT_EQ(errno, EBADF);
            errno = ++mine;
        }
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    chan = chan_open(0, 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < 40; i++)
        group_go(&group, keeps_errno, (void *)i);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
