/* SPDX-License-Identifier: MIT */
/*
 * Closing a NULL channel panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*close
 * expect-stderr: closes_nothing
 */
#include <rung.h>

static int closes_nothing(void *arg)
{
    (void)arg;
    rung_chan_close(0);
    return 0;
}

int main(void)
{
    return rung_run(closes_nothing, 0) != 0;
}
