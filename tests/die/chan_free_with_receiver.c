/* SPDX-License-Identifier: MIT */
/*
 * Freeing a channel on which a goroutine waits panics, and the dump shows the waiter.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*free
 * expect-stderr: frees_it
 * expect-stderr: chan receive
 * expect-stderr: still_waits
 */
#include "run/common.h"

static int still_waits(void *chan)
{
    return rung_recv(chan, 0);
}

static int frees_it(void *chan)
{
    go(still_waits, chan);
    wait_parked("chan receive", 1);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    rung_chan *chan;
    return rung_chan_open(&chan, 8, 1) != 0 || rung_run(frees_it, chan) != 0;
}
