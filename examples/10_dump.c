/* SPDX-License-Identifier: MIT */
/*
 * 10_dump.c: to see what every goroutine does.
 *
 * rung_dump writes all goroutines, those with equal stacks together: what they wait for, since
 * when, and their stacks. It can be called anywhere, also from a signal handler; kill -QUIT does
 * the same to any rung program.
 */
#include <rung.h>
#include <rung_debug.h>
#include <stdio.h>

static rung_chan *orders; /* nobody ever sends: it is only closed */

static int wait_for_orders(void *arg)
{
    (void)arg;
    return rung_recv(orders, NULL);
}

static int nap(void *arg)
{
    (void)arg;
    return rung_sleep(RUNG_SECONDS(3600));
}

static int app(void *arg)
{
    const rung_go_options waiter = { .name = "waiter" }, sleeper = { .name = "sleeper" };
    int error = 0;
    (void)arg;
    for (int i = 0; i < 3 && error == 0; i++)
        error = rung_go_with(&waiter, wait_for_orders, NULL);
    if (error == 0)
        error = rung_go_with(&sleeper, nap, NULL);
    if (error == 0)
        error = rung_sleep(RUNG_MILLISECONDS(500)); /* now all of them are parked */
    if (error == 0)
        error = rung_dump(1);
    rung_chan_close(orders);
    return error; /* this cancels the root scope: the sleeper wakes and ends */
}

int main(void)
{
    int error = rung_chan_open(&orders, 0, 0);
    error = error < 0 ? error : rung_run(app, NULL);
    rung_chan_free(orders);
    return error < 0;
}
