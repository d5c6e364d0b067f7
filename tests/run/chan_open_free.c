/* SPDX-License-Identifier: MIT */
/* Channels freed open or closed, full or empty, from another goroutine or thread, do not leak. */
#include "common.h"

static long resident_pages(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    EXPECT(file != NULL && fscanf(file, "%ld %ld", &size, &resident) == 2);
    fclose(file);
    return resident;
}

static void *free_it(void *chan)
{
    rung_chan_free(chan);
    return NULL;
}

static int free_it_too(void *chan)
{
    rung_chan_free(chan);
    return 0;
}

static void churn(int count)
{
    static char item[1024];
    for (int i = 0; i < count; i++) {
        rung_chan *chan = chan_open(sizeof item, (size_t)(i % 5));
        while (rung_try_send(chan, item) == 0 && i % 3 == 0)
            continue;
        if (i % 2)
            rung_chan_close(chan);
        if (i % 100 == 7)
            go(free_it_too, chan);
        else if (i % 1000 == 8)
            thread_join(thread_start(free_it, chan));
        else
            rung_chan_free(chan);
    }
}

static int app(void *arg)
{
    (void)arg;
    churn(5000);
    long before = resident_pages();
    churn(50000); /* 120 MB, if each were leaked */
    EXPECT(IS_ASAN || IS_TSAN || IS_VALGRIND || resident_pages() < before + 20 * 256);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
