/* SPDX-License-Identifier: MIT */
/*
 * 04_workers.c: a pool of workers.
 *
 * Four goroutines share the work of one channel. Closing it sends them home, and a wait group
 * tells when the last one has gone. rung_go_copy gives each its own copy of its orders.
 */
#include <rung.h>
#include <stdio.h>

enum { WORKERS = 4, JOBS = 100 };

struct orders {
    rung_chan *jobs; /* of int: which square to compute */
    long *squares;   /* each worker writes the elements of its own jobs only */
    rung_waitgroup *working;
};

static int work(void *arg)
{
    struct orders *orders = arg; /* a copy, on this goroutine's own stack */
    int job;
    while (rung_recv(orders->jobs, &job) == 1)
        orders->squares[job] = (long)job * job;
    rung_waitgroup_done(orders->working);
    return 0;
}

static int app(void *arg)
{
    static long squares[JOBS];
    static rung_waitgroup working; /* valid when zeroed */
    struct orders orders = { NULL, squares, &working };
    int error = rung_chan_open(&orders.jobs, sizeof(int), WORKERS);
    (void)arg;
    rung_waitgroup_add(&working, WORKERS); /* before they start: none may finish uncounted */
    for (int i = 0; i < WORKERS && error == 0; i++)
        error = rung_go_copy(work, &orders, sizeof orders);
    for (int job = 0; job < JOBS && error == 0; job++)
        error = rung_send(orders.jobs, &job);
    if (error < 0)
        return error;
    rung_chan_close(orders.jobs);
    error = rung_waitgroup_wait(&working);
    rung_chan_free(orders.jobs);
    long sum = 0;
    for (int job = 0; job < JOBS; job++)
        sum += squares[job];
    printf("%d workers: the first %d squares add up to %ld\n", WORKERS, JOBS, sum);
    return error;
}

int main(void)
{
    return rung_run(app, NULL) < 0;
}
