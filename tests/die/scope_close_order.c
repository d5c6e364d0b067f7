/* SPDX-License-Identifier: MIT */
/*
 * Closing an outer scope before the inner one panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*scope
 * expect-stderr: misuses_it
 */
#include <rung.h>

static rung_scope outer, inner;

static int misuses_it(void *arg)
{
    (void)arg;
    rung_scope_open(&outer, RUNG_FOREVER);
    rung_scope_open(&inner, RUNG_FOREVER);
    (void)rung_scope_close(&outer);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
