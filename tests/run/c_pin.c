/* SPDX-License-Identifier: MIT */
/* Between pin and unpin a goroutine stays on its thread, whatever it does; pins nest; others run meanwhile. */
#include "common.h"

static __thread int foreign_state;
static rung_chan *chan;

static pid_t thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

static void move_about(int i)
{
    if (i % 3 == 0)
        rung_yield();
    else if (i % 3 == 1)
        EXPECT_EQ(rung_sleep(1000), 0);
    else
        EXPECT(rung_id() % 2 ? rung_send(chan, NULL) == 0 : rung_recv(chan, NULL) == 1);
}

static int stays(void *arg)
{
    (void)arg;
    for (int round = 0; round < 5; round++) {
        rung_pin();
        pid_t mine = thread_id();
        foreign_state = (int)rung_id();
        rung_pin();
        for (int i = 0; i < 30; i++) {
            move_about(i);
            EXPECT_EQ(thread_id(), mine);
        }
        rung_unpin();
        for (int i = 0; i < 30; i++) {
            move_about(i);
            EXPECT_EQ(thread_id(), mine);
        }
        EXPECT_EQ(foreign_state, rung_id()); /* nobody else pinned itself to this thread */
        rung_unpin();
        for (int i = 0; i < 9; i++)
            move_about(i);
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    chan = chan_open(0, 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 8; i++) /* numbers follow one another: as many odd as even */
        group_go(&group, stays, NULL);
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
