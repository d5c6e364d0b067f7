/* SPDX-License-Identifier: MIT */
/*
 * No descriptor is left to read in /proc whether there are other threads: then nothing is taken for a deadlock, as a plain
 * thread may be about to send.
 */
#include "hostile.h"

static rung_chan *chan;

static void *sends_later(void *arg)
{
    usleep(300000);
    send_int(chan, 1);
    return arg;
}

static int app(void *arg)
{
    chan = chan_open(sizeof(int), 0);
    pthread_t thread = thread_start(sends_later, NULL);
    limit(RLIMIT_NOFILE, 0);
    EXPECT_EQ(recv_int(chan), 1);
    thread_join(thread);
    rung_chan_free(chan);
    return arg != NULL;
}

int main(void)
{
    run_on(2, app, NULL);
    return 0;
}
