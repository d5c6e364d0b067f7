/* SPDX-License-Identifier: MIT */
/*
 * A program's own handler of SIGABRT (a crash reporter's) is called once a panic has told all, and cannot stop it.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: reported$
 * expect-stderr: ^the handler reports$
 */
#include <rung.h>
#include <signal.h>
#include <unistd.h>

static void report(int signal)
{
    static const char text[] = "the handler reports\n";
    (void)signal;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(3);
}

static int panics(void *arg)
{
    (void)arg;
    signal(SIGABRT, report);
    rung_panic("reported");
}

int main(void)
{
    return rung_run(panics, 0) != 0;
}
