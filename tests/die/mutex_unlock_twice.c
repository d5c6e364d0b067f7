/* SPDX-License-Identifier: MIT */
/*
 * Unlocking a mutex twice panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*(unlock|not locked)
 * expect-stderr: misuses_it
 */
#include <rung.h>

static rung_mutex mutex;

static int misuses_it(void *arg)
{
    (void)arg;
    rung_mutex_lock(&mutex);
    rung_mutex_unlock(&mutex);
    rung_mutex_unlock(&mutex);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
