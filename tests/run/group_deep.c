/* SPDX-License-Identifier: MIT */
/* Thousands of groups, each within the one before: ending the outermost takes no stack for each. */
#include "common.h"

enum { DEPTH = 4000, SMALL_STACK = 16384 };

static rung_chan *at_the_bottom, *all_there;
static atomic_int ended;

static int start(rung_group *group, rung_function *fn, void *arg)
{
    rung_go_options options = {.stack_size = SMALL_STACK, .group = group};
    return rung_go_with(&options, fn, arg);
}

/* In a group of its own it starts the next. Those that are not the last wait for it, some in a scope more. */
static int descend(void *arg)
{
    intptr_t left = (intptr_t)arg;
    rung_group group;
    rung_scope scope;
    if (left % 2 == 0)
        rung_scope_open(&scope, RUNG_SECONDS(1000));
    rung_group_open(&group, RUNG_FOREVER);
    if (left > 0)
        EXPECT_EQ(start(&group, descend, (void *)(left - 1)), 0);
    else
        EXPECT_EQ(rung_send(at_the_bottom, NULL), 0);
    int result = left % 3 == 0 ? rung_sleep(RUNG_FOREVER) : rung_group_wait(&group);
    if (left % 3 == 0)
        EXPECT_EQ(rung_group_wait(&group), result);
    if (left % 2 == 0)
        EXPECT_EQ(rung_scope_close(&scope), result);
    atomic_fetch_add(&ended, 1);
    return result;
}

static int canceller(void *group)
{
    rung_group_cancel(group);
    return 0;
}

static void start_all(rung_group *group)
{
    rung_group_open(group, RUNG_FOREVER);
    EXPECT_EQ(start(group, descend, (void *)(intptr_t)DEPTH), 0);
    EXPECT_EQ(rung_recv(at_the_bottom, NULL), 1);
}

static int wait_for_all(void *arg)
{
    (void)arg;
    rung_group group;
    start_all(&group);
    EXPECT_EQ(rung_send(all_there, NULL), 0);
    return rung_group_wait(&group);
}

static int app(void *arg)
{
    rung_group group;
    at_the_bottom = chan_open(0, 0);
    all_there = chan_open(0, 0);
    ended = 0;
    start_all(&group);
    EXPECT_EQ(start(NULL, canceller, &group), 0);
    EXPECT_EQ(rung_group_wait(&group), -ECANCELED);
    EXPECT_EQ(ended, DEPTH + 1);
    EXPECT_EQ(start(NULL, wait_for_all, arg), 0); /* the root's end is theirs, too */
    EXPECT_EQ(rung_recv(all_there, NULL), 1);
    return 0;
}

int main(void)
{
    for (int procs = 1; procs <= 4; procs += 3) {
        run_on(procs, app, NULL);
        EXPECT_EQ(ended, 2 * (DEPTH + 1));
        rung_chan_free(at_the_bottom);
        rung_chan_free(all_there);
    }
    return 0;
}
