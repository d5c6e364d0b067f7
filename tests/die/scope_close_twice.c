/* SPDX-License-Identifier: MIT */
/*
 * Closing a scope twice panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*scope
 * expect-stderr: misuses_it
 */
#include <rung.h>

static rung_scope scope;

static int misuses_it(void *arg)
{
    (void)arg;
    rung_scope_open(&scope, RUNG_FOREVER);
    (void)rung_scope_close(&scope);
    (void)rung_scope_close(&scope);
    return 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
