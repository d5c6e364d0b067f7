/* SPDX-License-Identifier: MIT */
/* Plain threads start goroutines, with and without a copy; all run, also on processors that were idle. */
#include "common.h"

enum { THREADS = 4, EACH = 1000 };

static atomic_int ran;
static rung_waitgroup waitgroup;

static int goroutine(void *arg)
{
    EXPECT(rung_id() > 1);
    atomic_fetch_add(&ran, arg != NULL ? *(int *)arg : 1);
    rung_waitgroup_done(&waitgroup);
    return 0;
}

static void *thread(void *arg)
{
    int one = 1;
    for (int i = 0; i < EACH; i++) {
        EXPECT_EQ(i % 2 ? rung_go(goroutine, NULL) : rung_go_copy(goroutine, &one, sizeof one), 0);
        if (i % 100 == 0)
            usleep(500); /* lets everything go to sleep */
    }
    return arg;
}

static int app(void *arg)
{
    pthread_t threads[THREADS];
    atomic_store(&ran, 0);
    rung_waitgroup_add(&waitgroup, THREADS * EACH);
    for (int i = 0; i < THREADS; i++)
        threads[i] = thread_start(thread, arg);
    EXPECT_EQ(rung_waitgroup_wait(&waitgroup), 0);
    EXPECT_EQ(ran, THREADS * EACH);
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
