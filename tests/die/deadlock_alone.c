/* SPDX-License-Identifier: MIT */
/*
 * The thread that finds a deadlock just after it has parked the last goroutine does not call that one running.
 *
 * test-presets: release debug asan ubsan clang lto lto-clang
 * test-environment: RUNG_PROCS=1
 * expect-status: 2
 * expect-stderr: ^rung: fatal: all goroutines are asleep - deadlock!\n\nthread [0-9]+:$
 * expect-stderr: ^goroutine 1 \[forever
 */
#include <rung.h>

static int waits_for_nobody(void *arg)
{
    (void)arg;
    return rung_recv(NULL, NULL);
}

int main(void)
{
    return rung_run(waits_for_nobody, 0) != 0;
}
