/* SPDX-License-Identifier: MIT */
/* A pthread mutex between goroutines and plain threads: exclusive, also while a thread holds it for long. */
#include "common.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter; /* under mutex */

static int counts(void *arg)
{
    for (int i = 0; i < 3000; i++) {
        EXPECT_EQ(pthread_mutex_lock(&mutex), 0); /* no rung call until it is unlocked */
        counter++;
        EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
        if (i % 50 == 0)
            rung_yield();
    }
    return arg != NULL;
}

static void *holds_for_long(void *arg)
{
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
        usleep(10000);
        counter++;
        EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
        usleep(500);
    }
    return arg;
}

static int app(void *arg)
{
    rung_group group;
    counter = 0;
    pthread_t thread = thread_start(holds_for_long, arg);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 8; i++)
        group_go(&group, counts, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    thread_join(thread);
    EXPECT_EQ(counter, 8 * 3000 + 5);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
