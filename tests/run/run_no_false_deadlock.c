/* SPDX-License-Identifier: MIT */
/*
 * All goroutines are parked, but something can still wake them: a plain thread, a goroutine in a
 * blocking system call, a timer. That is no deadlock.
 */
#include "common.h"

static rung_chan *chan;
static int ends[2];

static void *sends_later(void *arg)
{
    usleep(300000);
    send_int(chan, 1);
    return arg;
}

static void *writes_later(void *arg)
{
    usleep(300000);
    EXPECT_EQ(write(ends[1], "x", 1), 1);
    return arg;
}

static int reads_and_sends(void *arg)
{
    (void)arg;
    char byte;
    EXPECT_EQ(read(ends[0], &byte, 1), 1);
    send_int(chan, 2);
    return 0;
}

static int sleeps_and_sends(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(MS(300)), 0);
    send_int(chan, 3);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_timer *timer;
    chan = chan_open(sizeof(int), 0);
    EXPECT_EQ(pipe(ends), 0);
    pthread_t thread = thread_start(sends_later, NULL);
    EXPECT_EQ(recv_int(chan), 1);
    thread_join(thread);
    go(reads_and_sends, NULL);
    thread = thread_start(writes_later, NULL);
    EXPECT_EQ(recv_int(chan), 2);
    thread_join(thread);
    go(sleeps_and_sends, NULL);
    EXPECT_EQ(recv_int(chan), 3);
    EXPECT_EQ(rung_timer_open(&timer, MS(300), 0), 0);
    EXPECT_EQ(rung_recv(rung_timer_chan(timer), NULL), 1);
    rung_timer_close(timer);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
