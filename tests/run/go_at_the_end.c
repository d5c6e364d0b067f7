/* SPDX-License-Identifier: MIT */
/* test-traced: no */ /* thousands of runs would be as many traces */
/*
 * Plain threads that start goroutines while rung_run ends, or begins: each that they could start has ended before that
 * returns, and none has the number of its own.
 */
#include "common.h"

enum { RUNS = 4000, THREADS = 3, BYTES = 4096 };

static atomic_int is_running, is_over;
static atomic_long started, ended;

static int ends(void *arg)
{
    EXPECT(atomic_load(&is_running));
    rung_yield();
    EXPECT(atomic_load(&is_running));
    atomic_fetch_add(&ended, 1);
    return arg == NULL;
}

/* Some with a long way from the first look whether rung runs to the goroutine. */
static int start(int i, rung_group *group)
{
    static const char bytes[BYTES];
    rung_go_options options = {.copy = bytes, .copy_size = BYTES, .stack_size = 65536, .group = group};
    return i % 4 == 0 ? rung_go(ends, NULL) : rung_go_with(&options, ends, NULL);
}

static void *starter(void *arg)
{
    for (int i = 0; !atomic_load(&is_over); i++) {
        rung_group group;
        bool is_grouped = i % 4 == 3;
        rung_group_open(&group, RUNG_FOREVER);
        int error = start(i, is_grouped ? &group : NULL);
        EXPECT(error == 0 || error == -ESRCH || error == -ECANCELED);
        if (error == 0)
            atomic_fetch_add(&started, 1);
        EXPECT(rung_group_wait(&group) == 0 || is_grouped);
    }
    return arg;
}

static int app(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_id(), 1);
    for (int i = 0; i < 8; i++)
        rung_yield();
    return 0;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = thread_start(starter, NULL);
    for (int i = 0; i < rounds((int)test_scaled(RUNS)); i++) {
        atomic_store(&is_running, 1);
        run_on(1 + i % 2, app, NULL);
        atomic_store(&is_running, 0);
        usleep(100); /* one that is late would run now */
    }
    atomic_store(&is_over, 1);
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    EXPECT_EQ(started, ended);
    return 0;
}
