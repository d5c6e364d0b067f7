/* SPDX-License-Identifier: MIT */
/*
 * trace_pages.c: a program of which each page of `go tool trace` has something to show; trace_pages.py knows how much. Each
 * wait is long, so that the pages cannot be right by accident. `trace_pages`
 */
#include <rung.h>
#include <rung_debug.h>
#include <rung_net.h>
#include <time.h>

#include "test.h"

#define MS(n) RUNG_MILLISECONDS(n)

enum { READS = 6, BLOCKS = 5, CALLS = 4, REQUESTS = 7, CROWD = 40 };

static rung_fd ends[2];
static rung_chan *chan, *start;

static void compute(int64_t ns)
{
    int64_t until = rung_now() + ns;
    while (rung_now() < until)
        continue;
}

/* Waits for the network, READS times. */
static int network_reader(void *arg)
{
    char byte;
    (void)arg;
    for (int i = 0; i < READS; i++)
        EXPECT_EQ(rung_read(ends[0], &byte, 1), 1);
    return 0;
}

static int network_writer(void *arg)
{
    (void)arg;
    for (int i = 0; i < READS; i++) {
        rung_sleep(MS(4));
        EXPECT_EQ(rung_write(ends[1], "x", 1), 1);
    }
    return 0;
}

/* Waits for a channel, BLOCKS times. */
static int channel_receiver(void *arg)
{
    (void)arg;
    for (int i = 0; i < BLOCKS; i++)
        EXPECT_EQ(rung_recv(chan, NULL), 1);
    return 0;
}

static int channel_sender(void *arg)
{
    (void)arg;
    for (int i = 0; i < BLOCKS; i++) {
        rung_sleep(MS(4));
        EXPECT_EQ(rung_send(chan, NULL), 0);
    }
    return 0;
}

/* In the kernel, CALLS times. */
static int system_caller(void *arg)
{
    struct timespec time = { 0, MS(3) };
    (void)arg;
    for (int i = 0; i < CALLS; i++) {
        rung_blocking_begin();
        nanosleep(&time, NULL);
        rung_blocking_end();
    }
    return 0;
}

/* A task each, with a region for each of its two parts, and a line in the log. */
static int request_server(void *arg)
{
    rung_region region;
    (void)arg;
    for (int i = 0; i < REQUESTS; i++) {
        rung_task task = rung_task_begin("request", 0);
        rung_region_begin(&region, task, "parse");
        rung_log(task, "planned", "message");
        EXPECT_EQ(rung_region_end(&region), 0);
        rung_region_begin(&region, task, "reply");
        rung_sleep(MS(2));
        EXPECT_EQ(rung_region_end(&region), 0);
        rung_task_end(task);
    }
    return 0;
}

/* All at once are made runnable, and each computes for a while: so the others wait to be scheduled. */
static int crowd_member(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_recv(start, NULL), 0);
    compute(MS(1));
    return 0;
}

static int app(void *arg)
{
    rung_group group;
    (void)arg;
    EXPECT_EQ(rung_chan_open(&chan, 0, 0), 0);
    EXPECT_EQ(rung_chan_open(&start, 0, 0), 0);
    EXPECT_EQ(rung_pipe(ends), 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < CROWD; i++)
        EXPECT_EQ(rung_group_go(&group, crowd_member, NULL), 0);
    rung_function *const others[] = { network_reader,   network_writer, channel_receiver,
                                      channel_sender, system_caller,  request_server };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        EXPECT_EQ(rung_group_go(&group, others[i], NULL), 0);
    rung_sleep(MS(60));
    rung_chan_close(start);
    return rung_group_wait(&group);
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
