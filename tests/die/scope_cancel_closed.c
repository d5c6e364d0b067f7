/* SPDX-License-Identifier: MIT */
/*
 * Cancelling a scope that is not open panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: cancel of a scope that is not open
 * expect-stderr: misuses_it
 */
#include <rung.h>

static int misuses_it(void *arg)
{
    static rung_scope scope;
    rung_scope_open(&scope, RUNG_FOREVER);
    if (rung_scope_close(&scope) != 0)
        return 1;
    rung_scope_cancel(&scope);
    return arg != 0;
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
