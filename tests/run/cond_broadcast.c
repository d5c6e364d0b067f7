/* SPDX-License-Identifier: MIT */
/* A broadcast wakes every waiter once, again and again, and none that comes later. */
#include "common.h"

enum { WAITERS = 60, ROUNDS = 30 };

static rung_mutex mutex;
static rung_cond cond;
static rung_chan *running, *awake;
static int is_over; /* under mutex */

static int waiter(void *arg)
{
    int number = *(int *)arg;
    rung_mutex_lock(&mutex);
    while (!is_over) {
        send_int(running, number);
        EXPECT_EQ(rung_cond_wait(&cond, &mutex), 0);
        send_int(awake, number);
    }
    rung_mutex_unlock(&mutex);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    int numbers[WAITERS];
    is_over = 0;
    running = chan_open(sizeof(int), WAITERS);
    awake = chan_open(sizeof(int), WAITERS);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < WAITERS; i++) {
        numbers[i] = i;
        group_go(&group, waiter, &numbers[i]);
    }
    for (int round = 1; round <= ROUNDS; round++) {
        char seen[WAITERS] = {0};
        for (int i = 0; i < WAITERS; i++)
            recv_int(running);
        EXPECT_EQ(rung_try_recv(awake, NULL), -EAGAIN);
        rung_mutex_lock(&mutex); /* free only when the last one waits */
        is_over = round == ROUNDS;
        rung_cond_broadcast(&cond);
        rung_mutex_unlock(&mutex);
        for (int i = 0; i < WAITERS; i++)
            EXPECT_EQ(seen[recv_int(awake)]++, 0);
    }
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_try_recv(running, NULL), -EAGAIN);
    EXPECT_EQ(rung_try_recv(awake, NULL), -EAGAIN);
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
