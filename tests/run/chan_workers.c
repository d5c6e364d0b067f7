/* SPDX-License-Identifier: MIT */
/* A pool of workers between two channels, ended by close at each stage: every item goes through once. */
#include "common.h"

enum { WORKERS = 23, ITEMS = 20000 };

static const int primes[] = {2, 3, 7, 11, 13, 17, 19, 23, 27, 31};
static rung_chan *jobs, *results;

static int worker(void *arg)
{
    int mine = primes[(uintptr_t)arg % LENGTH(primes)], value;
    while (rung_recv(jobs, &value) == 1) {
        if (value == mine)
            rung_yield(); /* so that the order is mixed up */
        send_int(results, value);
    }
    return 0;
}

static int feeder(void *arg)
{
    (void)arg;
    rung_group workers;
    rung_group_open(&workers, RUNG_FOREVER);
    for (uintptr_t i = 0; i < WORKERS; i++)
        group_go(&workers, worker, (void *)i);
    for (int i = 0; i < ITEMS; i++)
        send_int(jobs, primes[i % (int)LENGTH(primes)]);
    rung_chan_close(jobs);
    EXPECT_EQ(rung_group_wait(&workers), 0);
    rung_chan_close(results);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    int64_t count = 0, sum = 0, expected = 0;
    jobs = chan_open(sizeof(int), 3 * WORKERS);
    results = chan_open(sizeof(int), 3 * WORKERS);
    go(feeder, NULL);
    for (int value; rung_recv(results, &value) == 1; count++)
        sum += value;
    for (int i = 0; i < ITEMS; i++)
        expected += primes[i % (int)LENGTH(primes)];
    EXPECT_EQ(count, ITEMS);
    EXPECT_EQ(sum, expected);
    rung_chan_free(jobs);
    rung_chan_free(results);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(8, app, NULL);
    return 0;
}
