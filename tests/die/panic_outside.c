/* SPDX-License-Identifier: MIT */
/*
 * A panic before rung_run still says its sentence and aborts.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: too early
 */
#include <rung.h>

int main(void)
{
    rung_panic("too early");
}
