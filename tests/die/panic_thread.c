/* SPDX-License-Identifier: MIT */
/*
 * Misuse on a plain thread panics as well, and shows its stack and the goroutines.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*(unlock|not locked)
 * expect-stderr: ^    unlocks\+
 * expect-stderr: waiting_goroutine
 */
#include <pthread.h>
#include <rung.h>

static rung_mutex mutex;

static void *unlocks(void *arg)
{
    rung_mutex_unlock(&mutex);
    return arg;
}

static int waiting_goroutine(void *arg)
{
    pthread_t thread;
    (void)arg;
    if (pthread_create(&thread, 0, unlocks, 0) != 0)
        return 1;
    return rung_sleep(RUNG_SECONDS(1000));
}

int main(void)
{
    return rung_run(waiting_goroutine, 0) != 0;
}
