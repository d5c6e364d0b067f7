/* SPDX-License-Identifier: MIT */
/*
 * Real-time threads on one CPU: a plain thread of higher priority, which gives nobody the CPU by yielding, ends solo mode with its
 * first call, dumps, and traces while a goroutine runs: it waits for that one's thread, and does not keep it from running.
 *
 * test-traced: no
 */
#include "hostile.h"

#include <sched.h>

enum { ROUNDS = 30, LOW = 1, HIGH = 50 };

static rung_chan *chan;
static atomic_bool is_over;

static void set_priority(int priority)
{
    if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){priority}) != 0)
        SKIP("no real-time priority to be had");
}

static void keep_to_one_cpu(void)
{
    cpu_set_t all, one;
    int cpu = 0;
    if (sched_getaffinity(0, sizeof all, &all) != 0)
        SKIP("more than 1,024 CPUs");
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    EXPECT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
}

static int counts(void *arg, const void *bytes, size_t count)
{
    (void)arg;
    (void)bytes;
    (void)count;
    return 0;
}

static void *interferes(void *round)
{
    const rung_trace_options options = {.write = counts};
    int null = open("/dev/null", O_WRONLY), value = 1;
    EXPECT(null >= 0);
    usleep(500 + (useconds_t)(uintptr_t)round * 37);
    (void)rung_try_send(chan, &value);
    EXPECT_EQ(rung_dump(null), 0);
    if (rung_trace_start(&options) == 0)
        (void)rung_trace_stop();
    close(null);
    is_over = true;
    return NULL;
}

static int yields(void *arg)
{
    while (!is_over)
        rung_yield();
    return arg != NULL;
}

/* As low as its creator it would not get to raise it. */
static pthread_t start_with_priority(void *(*fn)(void *), void *arg)
{
    pthread_attr_t attributes;
    pthread_t thread;
    EXPECT_EQ(pthread_attr_init(&attributes), 0);
    EXPECT_EQ(pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED), 0);
    EXPECT_EQ(pthread_attr_setschedpolicy(&attributes, SCHED_FIFO), 0);
    EXPECT_EQ(pthread_attr_setschedparam(&attributes, &(struct sched_param){HIGH}), 0);
    EXPECT_EQ(pthread_create(&thread, &attributes, fn, arg), 0);
    pthread_attr_destroy(&attributes);
    return thread;
}

static int app(void *round)
{
    chan = chan_open(sizeof(int), 1);
    is_over = false;
    for (int i = 0; i < 3; i++)
        go(yields, NULL);
    pthread_t thread = start_with_priority(interferes, round);
    yields(NULL);
    thread_join(thread);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    keep_to_one_cpu();
    set_priority(LOW);
    for (uintptr_t i = 0; i < ROUNDS; i++)
        run_on(1, app, (void *)i);
    return 0;
}
