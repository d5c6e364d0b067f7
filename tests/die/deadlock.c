/* SPDX-License-Identifier: MIT */
/*
 * All goroutines asleep: the deadlock is reported with every stack and its reason, and status 2.
 *
 * test-presets: release debug asan ubsan clang lto lto-clang
 * expect-status: 2
 * expect-stderr: ^rung: fatal: all goroutines are asleep - deadlock!
 * expect-stderr: waits_for_nobody
 * expect-stderr: chan receive
 * expect-stderr: sends_to_nobody
 * expect-stderr: chan send
 * expect-stderr: goroutine 1\b
 */
#include <rung.h>

static int sends_to_nobody(void *chan)
{
    return rung_send(chan, "1234567");
}

static int waits_for_nobody(void *arg)
{
    rung_chan *chan, *other;
    (void)arg;
    if (rung_chan_open(&chan, 8, 0) != 0 || rung_chan_open(&other, 8, 0) != 0 ||
        rung_go(sends_to_nobody, other) != 0)
        return 1;
    return rung_recv(chan, 0);
}

int main(void)
{
    return rung_run(waits_for_nobody, 0) != 0;
}
