/* SPDX-License-Identifier: MIT */
/* Each signal wakes exactly one waiter, the oldest; without waiters it is forgotten. */
#include "common.h"

enum { WAITERS = 10 };

static rung_mutex mutex;
static rung_cond cond;
static rung_chan *awake;

static int waiter(void *arg)
{
    int number = *(int *)arg;
    rung_mutex_lock(&mutex);
    EXPECT_EQ(rung_cond_wait(&cond, &mutex), 0);
    EXPECT(!rung_mutex_try_lock(&mutex));
    send_int(awake, number);
    rung_mutex_unlock(&mutex);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    awake = chan_open(sizeof(int), WAITERS);
    rung_cond_signal(&cond);
    rung_cond_broadcast(&cond);
    for (int i = 0; i < WAITERS; i++) {
        EXPECT_EQ(rung_go_copy(waiter, &i, sizeof i), 0);
        wait_parked("sync.(*Cond).Wait", i + 1);
    }
    for (int i = 0; i < WAITERS; i++) {
        EXPECT_EQ(rung_try_recv(awake, NULL), -EAGAIN);
        if (i % 2) /* with the mutex held, and without */
            rung_mutex_lock(&mutex);
        rung_cond_signal(&cond);
        if (i % 2)
            rung_mutex_unlock(&mutex);
        EXPECT_EQ(recv_int(awake), i);
        EXPECT_EQ(rung_sleep(MS(1)), 0);
        EXPECT_EQ(rung_try_recv(awake, NULL), -EAGAIN);
    }
    rung_cond_signal(&cond);
    rung_chan_free(awake);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
