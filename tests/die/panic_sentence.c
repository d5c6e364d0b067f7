/* SPDX-License-Identifier: MIT */
/*
 * rung_panic prints its formatted sentence and the stack, and aborts.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: the number is 42, the word is ladder$
 * expect-stderr: misuses_it
 */
#include <rung.h>

static int misuses_it(void *arg)
{
    (void)arg;
    rung_panic("the number is %d, the word is %s", 42, "ladder");
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
