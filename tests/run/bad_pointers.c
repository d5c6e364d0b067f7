/* SPDX-License-Identifier: MIT */
/* A NULL function, array or place for a result is -EINVAL, wherever it is called, and nothing comes of it. */
#include "common.h"

static int nothing(void *arg)
{
    return arg != NULL;
}

static void refused(void)
{
    rung_group group;
    rung_go_options copies = {.copy_size = 8};
    EXPECT_EQ(rung_chan_open(NULL, 8, 1), -EINVAL);
    EXPECT_EQ(rung_timer_open(NULL, 0, 0), -EINVAL);
    EXPECT_EQ(rung_local_open(NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_select(NULL, 1), -EINVAL);
    EXPECT_EQ(rung_try_select(NULL, 1), -EINVAL);
    EXPECT_EQ(rung_go(NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_go_copy(NULL, NULL, 0), -EINVAL);
    EXPECT_EQ(rung_go_with(NULL, NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_group_go(NULL, nothing, NULL), -EINVAL);
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_go_copy(nothing, NULL, 8), -EINVAL);
    EXPECT_EQ(rung_go_copy(nothing, NULL, SIZE_MAX), -E2BIG);
    EXPECT_EQ(rung_run(NULL, NULL), -EINVAL);
    if (rung_id() != 0)
        EXPECT_EQ(rung_go_with(&copies, nothing, NULL), -EINVAL);
}

static void *in_thread(void *arg)
{
    refused();
    return arg;
}

static int app(void *arg)
{
    refused();
    thread_join(thread_start(in_thread, arg));
    EXPECT_EQ(rung_go_copy(nothing, NULL, 0), 0); /* nothing to copy is fine */
    return 0;
}

int main(void)
{
    refused();
    EXPECT_EQ(rung_run(app, NULL), 0);
    rung_local keys[65];
    for (int i = 0; i < 64; i++) /* those that failed took none */
        EXPECT_EQ(rung_local_open(&keys[i], NULL), 0);
    return 0;
}
