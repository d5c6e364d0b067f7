/* SPDX-License-Identifier: MIT */
/*
 * Write-unlocking a read-write mutex that only readers hold panics.
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
    rung_rwmutex_read_lock(&rwmutex);
    rung_rwmutex_unlock(&rwmutex);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
