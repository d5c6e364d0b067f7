/* SPDX-License-Identifier: MIT */
/* Between pin and unpin a goroutine stays on its thread, whatever it does; pins nest; others run meanwhile. */
#include "common.h"

static __thread int foreign_state;
static rung_chan *chan;

/* Asked for anew each time: a compiler may keep the address over a call, and between two pins the thread changes. */
static __attribute__((noinline)) int *state_of_thread(void)
{
    int *state = &foreign_state;
    __asm__ volatile("" : "+r"(state));
    return state;
}

static pid_t thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

static void move_about(int i, bool is_sender)
{
    if (i % 3 == 0)
        rung_yield();
    else if (i % 3 == 1)
        EXPECT_EQ(rung_sleep(1000), 0);
    else
        EXPECT(is_sender ? rung_send(chan, NULL) == 0 : rung_recv(chan, NULL) == 1);
}

static int stays(void *arg)
{
    bool is_sender = arg != NULL;
    for (int round = 0; round < 5; round++) {
        rung_pin();
        pid_t mine = thread_id();
        *state_of_thread() = (int)rung_id();
        rung_pin();
        for (int i = 0; i < 30; i++) {
            move_about(i, is_sender);
            EXPECT_EQ(thread_id(), mine);
        }
        rung_unpin();
        for (int i = 0; i < 30; i++) {
            move_about(i, is_sender);
            EXPECT_EQ(thread_id(), mine);
        }
        EXPECT_EQ(*state_of_thread(), rung_id()); /* nobody else pinned itself to this thread */
        rung_unpin();
        for (int i = 0; i < 9; i++)
            move_about(i, is_sender);
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    chan = chan_open(0, 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 8; i++)
        group_go(&group, stays, i % 2 == 0 ? chan : NULL);
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
