/* SPDX-License-Identifier: MIT */
/*
 * process.c: starting programs by posix_spawn, and waiting for them by a pidfd, which the poller knows how to wait for.
 *
 * fork has no place here: the child of a program with threads may do next to nothing. posix_spawn does it as the kernel
 * can: the child runs in our memory until it has another program's, which does not depend on how much we have.
 * A kernel without pidfds (before 5.3) is asked again and again, up to 50 ms late.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <rung_process.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "base/os_fd.h"
#include "base/os_process.h"
#include "net/fd.h"
#include "sched/park.h"

#define ASK_FIRST RUNG_MILLISECONDS(1)
#define ASK_LAST  RUNG_MILLISECONDS(50)
enum { NO_PIDFD = -2, WAITED = -3 }; /* rung_private of a process */

/* ---- starting ---- */

struct plumbing {
    posix_spawn_file_actions_t actions;
    int ours[3], theirs[3]; /* -1: none */
};

/*
 * A pipe, whose end for the child lies above 2: the numbers up to there are filled one after the other, and where we have closed
 * ours, a pipe might lie there, to be lost before its turn.
 */
static int make_pipe(int *ours, int *theirs, bool is_input)
{
    int ends[2], error = os_pipe(ends, true);
    if (error != 0)
        return error;
    *ours = ends[is_input];
    *theirs = ends[!is_input];
    if (*theirs > 2)
        return 0;
    int low = *theirs;
    *theirs = os_copy_fd(low, 3);
    os_close_fd(low);
    return *theirs >= 0 ? 0 : *theirs;
}

static int plug(struct plumbing *plumbing, int number, enum rung_stdio what)
{
    int error;
    switch (what) {
    case RUNG_STDIO_INHERIT:
        return 0;
    case RUNG_STDIO_NULL:
        return -posix_spawn_file_actions_addopen(&plumbing->actions, number, "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0);
    case RUNG_STDIO_OUTPUT:
        return number == 2 ? -posix_spawn_file_actions_adddup2(&plumbing->actions, 1, 2) : -EINVAL;
    case RUNG_STDIO_PIPE:
        error = make_pipe(&plumbing->ours[number], &plumbing->theirs[number], number == 0);
        return error != 0 ? error : -posix_spawn_file_actions_adddup2(&plumbing->actions, plumbing->theirs[number], number);
    }
    return -EINVAL;
}

static int plug_all(struct plumbing *plumbing, const rung_spawn_options *options)
{
    const enum rung_stdio whats[3] = { options->input, options->output, options->error };
    int error = options->directory != NULL
                    ? -posix_spawn_file_actions_addchdir_np(&plumbing->actions, options->directory)
                    : 0;
    for (int i = 0; i < 3 && error == 0; i++)
        error = plug(plumbing, i, whats[i]);
    return error;
}

static void close_numbers(int numbers[3])
{
    for (int i = 0; i < 3; i++)
        if (numbers[i] >= 0)
            os_close_fd(numbers[i]);
}

static int spawn_with(struct plumbing *plumbing, const char *const *argv, const rung_spawn_options *options, pid_t *pid)
{
    int error = -posix_spawn_file_actions_init(&plumbing->actions);
    if (error != 0)
        return error;
    error = plug_all(plumbing, options);
    if (error == 0)
        error = -posix_spawnp(pid, argv[0], &plumbing->actions, NULL, (char *const *)argv,
                              options->environment != NULL ? (char *const *)options->environment : environ);
    posix_spawn_file_actions_destroy(&plumbing->actions);
    close_numbers(plumbing->theirs);
    return error;
}

/* The child runs: what goes wrong from here on is not allowed to lose it. */
static int adopt_ends(rung_process *process, int ours[3])
{
    rung_fd *const ends[3] = { &process->input, &process->output, &process->error };
    int error = 0;
    for (int i = 0; i < 3; i++) {
        if (ours[i] < 0)
            continue;
        rung_fd fd = error == 0 ? rung_fd_adopt(ours[i]) : error;
        if (fd >= 0) {
            *ends[i] = fd;
            continue;
        }
        error = (int)fd;
        os_close_fd(ours[i]);
    }
    return error;
}

/* Where SIGCHLD is ignored it may be gone already, and its number another process'. */
static void watch(rung_process *process)
{
    int number = os_pidfd_open(process->pid);
    if (number == -ESRCH)
        return;
    rung_fd fd = number >= 0 ? rung_fd_adopt(number) : NO_PIDFD;
    if (number >= 0 && fd < 0)
        os_close_fd(number);
    process->rung_private = fd >= 0 ? fd : NO_PIDFD;
}

static void close_ends(rung_process *process)
{
    rung_close(process->input);
    rung_close(process->output);
    rung_close(process->error);
    process->input = process->output = process->error = -1;
}

int rung_spawn(rung_process *process, const char *const *argv, const rung_spawn_options *options)
{
    static const rung_spawn_options no_options;
    struct plumbing plumbing = { .ours = { -1, -1, -1 }, .theirs = { -1, -1, -1 } };
    if (process == NULL || argv == NULL || argv[0] == NULL)
        return -EINVAL;
    if (sched.is_forked)
        return -ENOTRECOVERABLE;
    *process = (rung_process){ .pid = -1, .input = -1, .output = -1, .error = -1, .rung_private = WAITED };
    pid_t pid;
    int error = spawn_with(&plumbing, argv, options != NULL ? options : &no_options, &pid);
    if (error != 0) {
        close_numbers(plumbing.ours);
        return error;
    }
    process->pid = pid;
    watch(process);
    error = adopt_ends(process, plumbing.ours);
    if (error != 0) { /* one whose output nobody can read is of no use */
        close_ends(process);
        rung_process_kill(process, SIGKILL);
        rung_scope scope;
        rung_shield_open(&scope, RUNG_FOREVER);
        rung_process_wait(process, NULL);
        rung_scope_close(&scope);
    }
    return error;
}

/* ---- waiting ---- */

int rung_process_wait(rung_process *process, int *status)
{
    int error = rung_scope_error();
    for (int64_t delay = ASK_FIRST; error == 0; delay = delay * 2 < ASK_LAST ? delay * 2 : ASK_LAST) {
        if (process->rung_private == WAITED || process->pid <= 0)
            return -ECHILD;
        int result = os_wait_child(process->pid, status);
        if (result != 0) {
            rung_fd pidfd = process->rung_private;
            atomic_store_relaxed(&process->rung_private, WAITED);
            if (pidfd != NO_PIDFD)
                rung_close(pidfd);
            return result > 0 ? 0 : result;
        }
        if (process->rung_private == NO_PIDFD)
            error = rung_sleep(delay);
        else if ((error = rung_fd_wait(process->rung_private, RUNG_READ)) > 0)
            error = 0;
    }
    return error;
}

int rung_process_wait_or_kill(rung_process *process, int *status)
{
    int error = rung_process_wait(process, status);
    if (error == 0 || error != rung_scope_error())
        return error;
    rung_scope shield;
    rung_process_kill(process, SIGKILL);
    rung_shield_open(&shield, RUNG_FOREVER);
    (void)rung_process_wait(process, status);
    rung_scope_close(&shield);
    return error;
}

static int64_t send_signal(struct descriptor *d, void *arg)
{
    const int *signal = arg;
    return os_pidfd_kill(d->number, *signal);
}

/*
 * Another goroutine may be at waiting for it, and then its number another process' by now: a pidfd is never another's. Where
 * there is none the number has to do.
 */
int rung_process_kill(rung_process *process, int signal)
{
    rung_fd pidfd = atomic_load_relaxed(&process->rung_private);
    if (pidfd == WAITED || process->pid <= 0)
        return -ESRCH;
    int64_t error = pidfd != NO_PIDFD ? fd_ask(pidfd, send_signal, &signal) : -ENOSYS;
    if (error == -ENOSYS)
        return os_kill(process->pid, signal);
    return error == -EBADF ? -ESRCH : (int)error;
}
