/* SPDX-License-Identifier: MIT */
/*
 * rung_panic prints its sentence, formatted as by printf, and the stack, and aborts.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: the number is 42, 0x002a or 1.50 of 18446744073709551615; the word is ladder, not lad, 100%$
 * expect-stderr: misuses_it
 */
#include <rung.h>

static int misuses_it(void *arg)
{
    (void)arg;
    rung_panic("the number is %i, 0x%04x or %.2f of %ju; the word is %-4s, not %.*s, 100%%", 42, 42u, 1.5, UINTMAX_MAX, "ladder",
               3, "ladder");
}

int main(void)
{
    return rung_run(misuses_it, 0) != 0;
}
