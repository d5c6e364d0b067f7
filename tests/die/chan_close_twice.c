/* SPDX-License-Identifier: MIT */
/*
 * Closing a channel twice panics, with the stack of who did it.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*close
 * expect-stderr: closes_it_again
 */
#include <rung.h>

static int closes_it_again(void *chan)
{
    rung_chan_close(chan);
    rung_chan_close(chan);
    return 0;
}

int main(void)
{
    rung_chan *chan;
    return rung_chan_open(&chan, 8, 1) != 0 || rung_run(closes_it_again, chan) != 0;
}
