/* SPDX-License-Identifier: MIT */
/* system, and fork with exec, from goroutines: the child program runs, and its status comes back. */
#include "common.h"

#include <sys/wait.h>

static int runs_a_program(void *arg)
{
    int wanted = (int)(uintptr_t)arg, status;
    char command[32];
    snprintf(command, sizeof command, "exit %d", wanted);
    if (wanted % 2) {
        status = system(command);
    } else {
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            execl("/bin/sh", "sh", "-c", command, (char *)NULL);
            _exit(127);
        }
        EXPECT_EQ(waitpid(child, &status, 0), child);
    }
    EXPECT(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), wanted);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < 12; i++)
        group_go(&group, runs_a_program, (void *)i);
    return rung_group_wait(&group);
}

int main(void)
{
    run_on(2, app, NULL);
    return 0;
}
