/* SPDX-License-Identifier: MIT */
/*
 * A goroutine that returns with an open scope: a panic that names it.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: goroutine [0-9]+ returned with an open scope
 */
#include <rung.h>

static int forgets(void *arg)
{
    rung_scope scope;
    rung_scope_open(&scope, RUNG_SECONDS(1000));
    return arg != 0;
}

static int app(void *arg)
{
    return rung_go(forgets, arg) != 0 || rung_sleep(RUNG_SECONDS(1000)) != 0;
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
