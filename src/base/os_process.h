/* SPDX-License-Identifier: MIT */
/* os_process.h: the kernel's processes and signals: as os.h, and of the same seam. */
#ifndef RUNG_OS_PROCESS_H
#define RUNG_OS_PROCESS_H

#include <signal.h>

#include "base/base.h"

int os_pidfd_open(int pid);
/* Another number, `least` or higher, closed on exec, for the same file. */
int os_copy_fd(int fd, int least);
int os_kill(int pid, int signal);
int os_pidfd_kill(int pidfd, int signal);
/* 1: it has ended, and *status (may be NULL) says how; 0: it has not; or -errno. Never blocks. */
int os_wait_child(int pid, int *status);

typedef void os_signal_function(int signal);

/* What the signal does from now on, and what it did before. The handler runs on the thread's signal stack. */
int os_signal_catch(int signal, os_signal_function *handler, struct sigaction *old);
int os_signal_restore(int signal, const struct sigaction *old);

#endif
