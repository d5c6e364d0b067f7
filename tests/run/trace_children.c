/* SPDX-License-Identifier: MIT */
/* test-traced: no */
/* A child that has the environment of its parent does not write into the parent's trace, nor into its flight recorder's memory. */
#include "common.h"

#include <sys/wait.h>

static char folder[] = "/tmp/trace_children.XXXXXX", path[64];

static int nothing(void *arg)
{
    return arg != NULL;
}

static struct {
    int process, go_on;
} child;

/* Before anything of rung's: its threads would be missing in the child. */
static void start_child(void)
{
    int ends[2];
    char byte;
    EXPECT_EQ(pipe(ends), 0);
    child.process = fork();
    EXPECT(child.process >= 0);
    if (child.process == 0)
        _exit(read(ends[0], &byte, 1) != 1 || rung_run(nothing, NULL) != 0);
    child.go_on = ends[1];
}

static int run_child(void *arg)
{
    char text[96];
    int status;
    (void)arg;
    EXPECT_EQ(write(child.go_on, "x", 1), 1);
    EXPECT_EQ(waitpid(child.process, &status, 0), child.process);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(rung_sleep(MS(1)), 0); /* that is told of, where it ought to be */
    snprintf(text, sizeof text, "%s.%d", path, child.process);
    EXPECT_EQ(unlink(text), 0);
    return 0;
}

/* In a process of its own, so that it is the first run. */
static int try(const char *variable)
{
    snprintf(path, sizeof path, "%s/%s", folder, variable);
    EXPECT_EQ(setenv(variable, path, 1), 0);
    start_child();
    EXPECT_EQ(rung_run(run_child, NULL), 0);
    EXPECT_EQ(unlink(path), 0);
    return 0;
}

int main(void)
{
    static const char *const variables[] = { "RUNG_TRACE", "RUNG_FLIGHT" };
    EXPECT(mkdtemp(folder) != NULL);
    for (int i = 0; i < 2; i++) {
        int status, process = fork();
        if (process == 0)
            _exit(try(variables[i]));
        EXPECT_EQ(waitpid(process, &status, 0), process);
        EXPECT_EQ(status, 0);
    }
    return rmdir(folder);
}
