/* SPDX-License-Identifier: MIT */
/*
 * Read-unlocking a read-write mutex that a writer holds panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*(unlock|not locked)
 * expect-stderr: misuses_it
 */
#include <rung.h>

static rung_rwmutex rwmutex;

static int misuses_it(void *arg)
{
    (void)arg;
    rung_rwmutex_lock(&rwmutex);
    rung_rwmutex_read_unlock(&rwmutex);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
