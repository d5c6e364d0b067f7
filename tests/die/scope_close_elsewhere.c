/* SPDX-License-Identifier: MIT */
/*
 * A scope that another goroutine than its opener closes panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*scope
 * expect-stderr: closes_a_foreign_scope
 */
#include <rung.h>

static int closes_a_foreign_scope(void *scope)
{
    return rung_scope_close(scope);
}

static int app(void *arg)
{
    rung_scope scope;
    (void)arg;
    rung_scope_open(&scope, RUNG_FOREVER);
    if (rung_go(closes_a_foreign_scope, &scope) != 0)
        return 1;
    (void)rung_sleep(RUNG_SECONDS(1000));
    return 0;
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
