/* SPDX-License-Identifier: MIT */
/* Where SIGCHLD is ignored a child may be gone before anybody can watch it: then nothing is sent to its number, which may be another's. */
#include "net.h"

#include <dlfcn.h>
#include <errno.h>
#include <rung_process.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>

static atomic_int kills;

/* The library's own calls come to these two. The child is gone when the first comes back. */
int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                 char *const argv[], char *const environment[])
{
    int (*spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
                 char *const[]) = (__typeof__(spawn))dlsym(RTLD_NEXT, "posix_spawnp");
    int error = spawn(pid, file, actions, attributes, argv, environment);
    while (error == 0 && syscall(SYS_kill, *pid, 0) == 0)
        usleep(1000);
    return error;
}

int kill(pid_t pid, int number)
{
    kills++;
    return (int)syscall(SYS_kill, pid, number);
}

static int app(void *arg)
{
    static const char *const argv[] = { "true", NULL };
    rung_process process;
    (void)arg;
    EXPECT_EQ(rung_spawn(&process, argv, NULL), 0);
    EXPECT_EQ(rung_process_kill(&process, SIGKILL), -ESRCH);
    EXPECT_EQ(kills, 0);
    EXPECT_EQ(rung_process_wait(&process, NULL), -ECHILD);
    return 0;
}

int main(void)
{
    int number = (int)syscall(434 /* pidfd_open */, getpid(), 0);
    if (number < 0)
        SKIP("no pidfds here");
    close(number);
    signal(SIGCHLD, SIG_IGN);
    run_on(1, app, NULL);
    return 0;
}
