/* SPDX-License-Identifier: MIT */
/* os_process.c: Linux behind os_process.h. */
#define _GNU_SOURCE
#include "base/os_process.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os_fault.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

int os_pidfd_open(int pid)
{
    return CALL(OS_PIDFD_OPEN, syscall(SYS_pidfd_open, pid, 0));
}

int os_copy_fd(int fd, int least)
{
    return CALL(OS_COPY_FD, fcntl(fd, F_DUPFD_CLOEXEC, least));
}

int os_kill(int pid, int signal)
{
    return CALL(OS_KILL, kill(pid, signal));
}

int os_pidfd_kill(int pidfd, int signal)
{
    return CALL(OS_PIDFD_KILL, syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

int os_wait_child(int pid, int *status)
{
    int ignored, found = CALL(OS_WAIT_CHILD, waitpid(pid, status != NULL ? status : &ignored, WNOHANG));
    return found > 0 ? 1 : found;
}

int os_signal_catch(int signal, os_signal_function *handler, struct sigaction *old)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK };
    sigfillset(&action.sa_mask);
    return CALL(OS_SIGNAL_CATCH, sigaction(signal, &action, old));
}

int os_signal_restore(int signal, const struct sigaction *old)
{
    return CALL(OS_SIGNAL_RESTORE, sigaction(signal, old, NULL));
}
