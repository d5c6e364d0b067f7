/* SPDX-License-Identifier: MIT */
/* A tree of groups, cancelled from many goroutines and threads at the same time: everybody ends, once. */
#include "common.h"

enum { BRANCHES = 4, LEAVES = 12 };

static atomic_int ended;
static rung_group groups[BRANCHES];
static rung_waitgroup all_parked;

static int leaf(void *arg)
{
    rung_scope scope;
    rung_scope_open(&scope, (uintptr_t)arg % 3 ? RUNG_FOREVER : RUNG_SECONDS(1000));
    rung_waitgroup_done(&all_parked);
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
    EXPECT_EQ(rung_scope_close(&scope), -ECANCELED);
    atomic_fetch_add(&ended, 1);
    return 0;
}

static int branch(void *group)
{
    rung_group_open(group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < LEAVES; i++)
        group_go(group, leaf, (void *)i);
    rung_waitgroup_done(&all_parked);
    EXPECT_EQ(rung_group_wait(group), -ECANCELED);
    return 0;
}

static void *cancel_group(void *group)
{
    rung_group_cancel(group);
    return NULL;
}

static int cancel_it(void *group)
{
    rung_group_cancel(group);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    for (int round = rounds(60); round > 0; round--) {
        rung_group root;
        pthread_t threads[2];
        atomic_store(&ended, 0);
        rung_waitgroup_add(&all_parked, BRANCHES * (LEAVES + 1));
        rung_group_open(&root, RUNG_FOREVER);
        for (int i = 0; i < BRANCHES; i++)
            group_go(&root, branch, &groups[i]);
        EXPECT_EQ(rung_waitgroup_wait(&all_parked), 0);
        for (int i = 0; i < 2; i++)
            threads[i] = thread_start(cancel_group, &root);
        for (int i = 0; i < 8; i++) {
            int error = rung_group_go(&root, cancel_it, &root);
            EXPECT(error == 0 || error == -ECANCELED);
        }
        for (int i = 0; i < 2; i++)
            thread_join(threads[i]);
        EXPECT_EQ(rung_group_wait(&root), -ECANCELED);
        EXPECT_EQ(ended, BRANCHES * LEAVES);
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
