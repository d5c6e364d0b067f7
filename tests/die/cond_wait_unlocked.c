/* SPDX-License-Identifier: MIT */
/*
 * Waiting on a cond without holding its mutex panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*(unlock|not locked|mutex)
 * expect-stderr: misuses_it
 */
#include <rung.h>

static rung_mutex mutex;
static rung_cond cond;

static int misuses_it(void *arg)
{
    (void)arg;
    (void)rung_cond_wait(&cond, &mutex);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
