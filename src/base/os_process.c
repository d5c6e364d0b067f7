/* SPDX-License-Identifier: MIT */
/* os_process.c: Linux behind os_process.h. */
#define _GNU_SOURCE
#include "base/os_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

int os_pidfd_open(int pid)
{
    int saved = errno;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    int result = fd >= 0 ? fd : -errno;
    errno = saved;
    return result;
}

int os_copy_fd(int fd, int least)
{
    int saved = errno;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, least);
    int result = copy >= 0 ? copy : -errno;
    errno = saved;
    return result;
}

int os_kill(int pid, int signal)
{
    int saved = errno;
    int result = kill(pid, signal) == 0 ? 0 : -errno;
    errno = saved;
    return result;
}

int os_pidfd_kill(int pidfd, int signal)
{
    int saved = errno;
    int result = syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0 ? 0 : -errno;
    errno = saved;
    return result;
}

int os_wait_child(int pid, int *status)
{
    int saved = errno, ignored;
    pid_t found;
    do
        found = waitpid(pid, status != NULL ? status : &ignored, WNOHANG);
    while (found < 0 && errno == EINTR);
    int result = found >= 0 ? found != 0 : -errno;
    errno = saved;
    return result;
}

int os_signal_catch(int signal, os_signal_function *handler, struct sigaction *old)
{
    int saved = errno;
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK };
    sigfillset(&action.sa_mask);
    int result = sigaction(signal, &action, old) == 0 ? 0 : -errno;
    errno = saved;
    return result;
}

int os_signal_restore(int signal, const struct sigaction *old)
{
    int saved = errno;
    int result = sigaction(signal, old, NULL) == 0 ? 0 : -errno;
    errno = saved;
    return result;
}
