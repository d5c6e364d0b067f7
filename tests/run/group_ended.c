/* SPDX-License-Identifier: MIT */
/* A group that has ended takes no more goroutines; NULL and bad arguments are refused. */
#include "common.h"

static atomic_int ran;

static int runs(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ran, 1);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group outer, group;
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, NULL, NULL), -EINVAL);
    group_go(&group, runs, NULL);
    rung_group_cancel(&group);
    EXPECT_EQ(rung_group_go(&group, runs, NULL), -ECANCELED);
    rung_go_options options = {.group = &group};
    EXPECT_EQ(rung_go_with(&options, runs, NULL), -ECANCELED);
    EXPECT_EQ(rung_group_wait(&group), -ECANCELED);
    EXPECT_EQ(ran, 1); /* the one that was started did run */

    rung_group_open(&outer, RUNG_FOREVER);
    rung_group_open(&group, RUNG_FOREVER);
    rung_group_cancel(&outer);
    EXPECT_EQ(rung_group_go(&group, runs, NULL), -ECANCELED);
    EXPECT_EQ(rung_group_wait(&group), -ECANCELED);
    EXPECT_EQ(rung_group_wait(&outer), -ECANCELED);
    EXPECT_EQ(ran, 1);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
