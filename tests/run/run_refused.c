/* SPDX-License-Identifier: MIT */
/* rung_run refuses a NULL function, a call from a goroutine, and a second one at the same time. */
#include "common.h"

static int never(void *arg)
{
    (void)arg;
    test_fail(__FILE__, __LINE__, "it ran");
}

static void *second(void *arg)
{
    EXPECT_EQ(rung_run(never, NULL), -EBUSY);
    EXPECT_EQ(rung_run(NULL, NULL), -EINVAL);
    return arg;
}

static int goroutine(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_run(never, NULL), -EINVAL);
    return 0;
}

static int app(void *arg)
{
    EXPECT_EQ(rung_run(never, NULL), -EINVAL);
    EXPECT_EQ(rung_run(NULL, NULL), -EINVAL);
    go(goroutine, NULL);
    thread_join(thread_start(second, arg));
    return 0;
}

static int quick(void *count)
{
    atomic_fetch_add((atomic_int *)count, 1);
    return 0;
}

static void *runs_when_it_can(void *count)
{
    for (int done = 0; done < 20;) {
        int error = rung_run(quick, count);
        EXPECT(error == 0 || error == -EBUSY);
        done += error == 0;
        usleep(100);
    }
    return NULL;
}

int main(void)
{
    atomic_int count = 0;
    EXPECT_EQ(rung_run(NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_run(app, NULL), 0);
    pthread_t first = thread_start(runs_when_it_can, &count);
    thread_join(thread_start(runs_when_it_can, &count)); /* from any thread, one at a time */
    thread_join(first);
    EXPECT_EQ(count, 40);
    return 0;
}
