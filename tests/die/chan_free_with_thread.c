/* SPDX-License-Identifier: MIT */
/*
 * Freeing a channel on which a plain thread waits panics too.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*free
 * expect-stderr: frees_it
 */
#include "run/common.h"

static atomic_bool begins;

static void *still_waits(void *chan)
{
    begins = true;
    rung_recv(chan, 0);
    return 0;
}

static int frees_it(void *chan)
{
    thread_start(still_waits, chan);
    while (!begins)
        rung_yield();
    (void)rung_sleep(MS(100));
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    rung_chan *chan;
    return rung_chan_open(&chan, 8, 1) != 0 || rung_run(frees_it, chan) != 0;
}
