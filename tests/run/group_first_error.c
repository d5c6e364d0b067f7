/* SPDX-License-Identifier: MIT */
/* The first error in a group cancels the rest and is what the wait gives back; later ones are dropped. */
#include "common.h"

static atomic_int cancelled;

static int waits(void *arg)
{
    (void)arg;
    int error = rung_sleep(RUNG_FOREVER);
    EXPECT_EQ(error, -ECANCELED);
    atomic_fetch_add(&cancelled, 1);
    return error;
}

static int fails(void *error)
{
    EXPECT_EQ(rung_sleep(MS(2)), 0);
    return -(int)(uintptr_t)error;
}

static int succeeds(void *arg)
{
    (void)arg;
    return 0;
}

static int fails_late(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
    return -EIO;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    atomic_store(&cancelled, 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 20; i++) {
        group_go(&group, waits, NULL);
        group_go(&group, succeeds, NULL);
    }
    group_go(&group, fails_late, NULL);
    group_go(&group, fails, (void *)EBADF);
    EXPECT_EQ(rung_group_wait(&group), -EBADF);
    EXPECT_EQ(cancelled, 20);
    EXPECT_EQ(rung_scope_error(), 0); /* nothing reaches out of the group */

    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 20; i++)
        group_go(&group, succeeds, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_group_open(&group, RUNG_FOREVER); /* an empty one */
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_group_open(&group, 0);
    EXPECT_EQ(rung_group_wait(&group), -ETIMEDOUT);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
