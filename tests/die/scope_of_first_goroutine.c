/* SPDX-License-Identifier: MIT */
/*
 * The first goroutine, too, panics if it returns with an open scope, before anybody looks at what was in its frame.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: goroutine 1 returned with an open scope
 */
#include <rung.h>
#include <string.h>

static int app(void *arg)
{
    rung_scope scope;
    rung_scope_open(&scope, RUNG_FOREVER);
    memset(&scope, 0xa5, sizeof scope);
    __asm__ volatile("" : : "r"(&scope) : "memory");
    return arg != 0;
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
