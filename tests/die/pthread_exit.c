/* SPDX-License-Identifier: MIT */
/*
 * A goroutine that ends its thread, which others need, panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: a goroutine ended its thread
 * expect-stderr: goroutine 1
 * test-presets: release debug
 */
#include <pthread.h>
#include <rung.h>

static int ends_its_thread(void *arg)
{
    pthread_exit(arg);
}

int main(void)
{
    return rung_run(ends_its_thread, 0) != 0;
}
