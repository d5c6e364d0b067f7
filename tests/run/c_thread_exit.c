/* SPDX-License-Identifier: MIT */
/* Plain threads come and go while they use channels and locks: none leaves a waiter or a value behind. */
#include "common.h"

static rung_chan *chan;
static rung_mutex mutex;
static int count; /* under mutex */

static void *short_lived(void *arg)
{
    int value = (int)(uintptr_t)arg;
    rung_mutex_lock(&mutex);
    count++;
    rung_mutex_unlock(&mutex);
    if (value % 2)
        send_int(chan, value);
    else
        EXPECT_EQ(recv_int(chan) % 2, 1);
    return NULL;
}

static int app(void *arg)
{
    (void)arg;
    count = 0;
    chan = chan_open(sizeof(int), 0);
    for (int round = 0; round < 40; round++) {
        pthread_t threads[10];
        for (uintptr_t i = 0; i < 10; i++)
            threads[i] = thread_start(short_lived, (void *)(i + 2 * (uintptr_t)round));
        for (int i = 0; i < 10; i++)
            thread_join(threads[i]);
    }
    EXPECT_EQ(count, 400);
    EXPECT_EQ(rung_try_recv(chan, NULL), -EAGAIN);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    run_on(2, app, NULL);
    return 0;
}
