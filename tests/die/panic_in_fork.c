/* SPDX-License-Identifier: MIT */
/*
 * In a forked child a call that gives nothing back panics.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*fork
 */
#include <rung.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int app(void *arg)
{
    int status;
    pid_t child = fork();
    (void)arg;
    if (child == 0) {
        rung_yield();
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
        return 1;
    raise(WTERMSIG(status));
    return 0;
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
