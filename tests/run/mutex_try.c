/* SPDX-License-Identifier: MIT */
/* try_lock fails on a held mutex and takes a free one, also for another goroutine; anybody may unlock. */
#include "common.h"

static rung_mutex mutex;

static int fails(void *arg)
{
    (void)arg;
    EXPECT(!rung_mutex_try_lock(&mutex));
    return 0;
}

static int unlocks(void *arg)
{
    (void)arg;
    rung_mutex_unlock(&mutex);
    return 0;
}

static int in_group(rung_function *fn)
{
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, fn, NULL);
    return rung_group_wait(&group);
}

static int app(void *arg)
{
    (void)arg;
    rung_mutex_lock(&mutex);
    EXPECT(!rung_mutex_try_lock(&mutex));
    in_group(fails);
    rung_mutex_unlock(&mutex);
    EXPECT(rung_mutex_try_lock(&mutex));
    in_group(fails);
    in_group(unlocks);
    EXPECT(rung_mutex_try_lock(&mutex));
    rung_mutex_unlock(&mutex);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
