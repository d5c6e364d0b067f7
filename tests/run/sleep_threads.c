/* SPDX-License-Identifier: MIT */
/* A plain thread sleeps and yields through rung too, while rung_run runs and without it. */
#include "common.h"

static void *thread(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        int64_t start = rung_now();
        EXPECT_EQ(rung_sleep(MS(1)), 0);
        EXPECT(rung_now() - start >= MS(1));
        EXPECT_EQ(rung_sleep(0), 0);
        EXPECT_EQ(rung_sleep(-5), 0);
        rung_yield();
        EXPECT_EQ(rung_id(), 0);
    }
    return NULL;
}

static int app(void *arg)
{
    pthread_t first = thread_start(thread, NULL), second = thread_start(thread, NULL);
    thread_join(first);
    thread_join(second);
    return arg != NULL;
}

int main(void)
{
    thread(NULL);
    EXPECT_EQ(rung_run(app, NULL), 0);
    thread(NULL);
    return 0;
}
