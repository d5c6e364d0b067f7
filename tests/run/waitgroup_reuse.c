/* SPDX-License-Identifier: MIT */
/* Two wait groups as a barrier, used again and again: nobody passes early, all pass, a thread too. */
#include "common.h"

enum { MEMBERS = 16 };

static rung_waitgroup first, second;
static atomic_int arrived, passed;

static int member(void *arg)
{
    (void)arg;
    atomic_fetch_add(&arrived, 1);
    rung_waitgroup_done(&first);
    EXPECT_EQ(rung_waitgroup_wait(&second), 0);
    atomic_fetch_add(&passed, 1);
    return 0;
}

static void *member_thread(void *arg)
{
    member(arg);
    return NULL;
}

static int app(void *arg)
{
    (void)arg;
    for (int round = 0; round < 30; round++) {
        rung_group group;
        atomic_store(&arrived, 0);
        atomic_store(&passed, 0);
        rung_waitgroup_add(&first, MEMBERS + 1);
        rung_waitgroup_add(&second, MEMBERS + 1);
        rung_group_open(&group, RUNG_FOREVER);
        for (int i = 0; i < MEMBERS; i++)
            group_go(&group, member, NULL);
        pthread_t thread = thread_start(member_thread, NULL);
        EXPECT_EQ(rung_waitgroup_wait(&first), 0);
        EXPECT_EQ(arrived, MEMBERS + 1);
        for (int i = 0; i <= MEMBERS; i++) {
            EXPECT_EQ(passed, 0);
            rung_waitgroup_done(&second);
        }
        EXPECT_EQ(rung_group_wait(&group), 0);
        thread_join(thread);
        EXPECT_EQ(passed, MEMBERS + 1);
        EXPECT_EQ(rung_waitgroup_wait(&first), 0); /* at zero: at once */
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
