/* SPDX-License-Identifier: MIT */
/*
 * In a forked child a goroutine that returns panics, the first one, too.
 *
 * expect-signal: SIGABRT
 * expect-stderr: (?s)^rung: panic: a goroutine returned in the child of a fork.*^rung: panic: a goroutine returned in the child of a fork
 */
#include <rung.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int forks(void *is_child)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        *(bool *)is_child = true;
        return 0;
    }
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? -WTERMSIG(status) : 0;
}

static int app(void *arg)
{
    bool is_child = false;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    if (rung_group_go(&group, forks, &is_child) != 0 || rung_group_wait(&group) != -SIGABRT)
        return 1;
    int signal = forks(&is_child);
    if (!is_child)
        raise(-signal);
    return arg != NULL;
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
