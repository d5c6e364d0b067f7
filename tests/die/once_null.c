/* SPDX-License-Identifier: MIT */
/*
 * rung_once_do of a NULL function panics, in the call that would have run it.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: rung_once_do of a NULL function
 * expect-stderr: misuses_it
 */
#include <rung.h>

static rung_once once;

static int misuses_it(void *arg)
{
    rung_once_do(&once, 0, arg);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
