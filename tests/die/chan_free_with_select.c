/* SPDX-License-Identifier: MIT */
/*
 * Freeing a channel on which a goroutine waits in a select panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*free
 * expect-stderr: select
 */
#include "run/common.h"

static int selects(void *chan)
{
    rung_case cases[] = {RUNG_CASE_RECV(0, 0), RUNG_CASE_SEND(chan, "12345678")};
    return rung_select(cases, 2);
}

static int frees_it(void *chan)
{
    go(selects, chan);
    wait_parked("select", 1);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    rung_chan *chan;
    return rung_chan_open(&chan, 8, 0) != 0 || rung_run(frees_it, chan) != 0;
}
