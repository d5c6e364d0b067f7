/* SPDX-License-Identifier: MIT */
/*
 * A program with a megabyte of thread-local variables, which libc places on each thread's stack: all of rung's threads can be
 * started, those that look up names and write traces, too, and have as much stack left as ever.
 */
#include "common.h"

#include <rung_net.h>

enum { BYTES = 1 << 20, GOROUTINES = 20 };

static _Thread_local char large[BYTES];

static int fills(void *arg)
{
    (void)arg;
    memset(large, 1, sizeof large);
    rung_yield();
    memset(large, 2, sizeof large);
    return 0;
}

static int counts(void *sum, const void *bytes, size_t count)
{
    (void)bytes;
    *(size_t *)sum += count;
    return 0;
}

static void trace(void)
{
    size_t sum = 0;
    const rung_trace_options options = {.write = counts, .write_arg = &sum};
    int error = rung_trace_start(&options);
    EXPECT(error == 0 || error == -EBUSY); /* the runner's */
    if (error == 0)
        EXPECT_EQ(rung_trace_stop(), 0);
}

static int app(void *arg)
{
    rung_address address;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < GOROUTINES; i++)
        group_go(&group, fills, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    int found = rung_resolve("localhost:80", &address, 1);
    EXPECT(found != -EINVAL); /* its thread could be started */
    trace();
    return arg != NULL;
}

int main(void)
{
    run_on(2, app, NULL);
    return 0;
}
