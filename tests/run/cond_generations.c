/* SPDX-License-Identifier: MIT */
/* A signal never goes to one who began to wait after it: an earlier waiter always gets it. */
#include "common.h"

static rung_mutex mutex;
static rung_cond cond;
static rung_chan *running, *awake;

static int waiter(void *arg)
{
    int number = *(int *)arg;
    rung_mutex_lock(&mutex);
    send_int(running, number);
    EXPECT_EQ(rung_cond_wait(&cond, &mutex), 0);
    send_int(awake, number);
    rung_mutex_unlock(&mutex);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    running = chan_open(sizeof(int), 200);
    awake = chan_open(sizeof(int), 200);
    for (int i = 0; i < 200; i++) {
        EXPECT_EQ(rung_go_copy(waiter, &i, sizeof i), 0);
        if (i > 0)
            EXPECT_EQ(recv_int(awake), i - 1);
        EXPECT_EQ(recv_int(running), i);
        rung_mutex_lock(&mutex);
        rung_cond_signal(&cond);
        rung_mutex_unlock(&mutex);
    }
    EXPECT_EQ(recv_int(awake), 199);
    rung_chan_free(running);
    rung_chan_free(awake);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
