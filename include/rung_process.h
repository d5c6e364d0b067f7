/* SPDX-License-Identifier: MIT */
/*
 * rung_process.h: starting programs and waiting for them, and signals as a channel.
 *
 * What holds for rung.h and rung_net.h holds here: -errno, calls that park obey their scope, any thread may call.
 */
#ifndef RUNG_PROCESS_H
#define RUNG_PROCESS_H

#include <rung_net.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- processes -------------------------------------------------------------------------- */

enum rung_stdio {
    RUNG_STDIO_INHERIT = 0, /* the child has ours */
    RUNG_STDIO_NULL,        /* /dev/null */
    RUNG_STDIO_PIPE,        /* a pipe, of which we hold the other end */
    RUNG_STDIO_OUTPUT,      /* error only: where the output goes */
};

typedef struct rung_spawn_options {
    const char *const *environment; /* "NAME=value", NULL-terminated; NULL: ours */
    const char *directory;          /* in which it starts; NULL: ours */
    enum rung_stdio input, output, error;
} rung_spawn_options;

typedef struct rung_process {
    int pid;
    rung_fd input, output, error;   /* our ends of its pipes, to be closed by rung_close; -1: none */
    rung_fd rung_private;
} rung_process;

/*
 * Starts the program argv[0] (looked up in PATH) with the arguments argv, NULL-terminated. `options` may be NULL. Does not
 * park; the thread waits until the program has been loaded. -ENOENT, -EACCES, -E2BIG, -EAGAIN, ...; -EINVAL.
 */
int rung_spawn(rung_process *process, const char *const *argv, const rung_spawn_options *options);

/*
 * Parks until it has ended. *status, if not NULL, is as of waitpid(2). Once, by one goroutine; after 0 the process is no more.
 * -ECHILD: somebody else has waited for it, or SIGCHLD is ignored.
 */
int rung_process_wait(rung_process *process, int *status);

/* The same; but if the scope ends first the process is killed (SIGKILL) and waited for, and the scope's error comes back. */
int rung_process_wait_or_kill(rung_process *process, int *status);

/* Sends it a signal, also while another goroutine waits for it. -ESRCH: it has been waited for; -EINVAL, -EPERM. Never parks. */
int rung_process_kill(rung_process *process, int signal);

/* ---- signals ---------------------------------------------------------------------------- */

/*
 * From now on each of these signals that comes to the process is sent, as an int, into `chan`, whose items are ints: once,
 * however often it came meanwhile; and dropped where the channel is full. It has no other effect any more, until
 * rung_signal_stop or the end of rung_run. Several channels may have the same signal. Never parks.
 * -EINVAL: not a signal, or one that nobody can catch, or that rung or faults are told by (SIGURG, SIGSEGV, SIGBUS, SIGILL,
 * SIGFPE), or another item size; -ESRCH: rung_run does not run; -ENOMEM.
 */
int rung_signal_notify(rung_chan *chan, const int *signals, int count);

/* No more of them go to `chan`, which may be freed then. Signals that go to no channel are again what they were before. */
void rung_signal_stop(rung_chan *chan);

#ifdef __cplusplus
}
#endif

#endif
