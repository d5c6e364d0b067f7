/* SPDX-License-Identifier: MIT */
/* os_fault.h: how os_fd.c and os_process.c make a call; in debug builds tests can make each fail. Nobody else of src includes it. */
#ifndef RUNG_OS_FAULT_H
#define RUNG_OS_FAULT_H

#include <errno.h>

#include "base/atomic.h"
#include "base/base.h"

enum os_call {
    OS_SOCKET = 1, OS_SOCKET_PAIR, OS_BIND, OS_LISTEN, OS_ACCEPT, OS_CONNECT, OS_SHUTDOWN, OS_OPTION_SET, OS_OPTION_GET, OS_NAME_LOCAL,
    OS_NAME_PEER, OS_SEND, OS_RECEIVE, OS_SEND_MESSAGE, OS_RECEIVE_MESSAGE, OS_SENDFILE, OS_SPLICE, OS_READ, OS_WRITE,
    OS_READV, OS_WRITEV, OS_CLOSE, OS_POLL, OS_EPOLL_NEW, OS_EPOLL_ADD, OS_EPOLL_CHANGE, OS_EPOLL_REMOVE, OS_EPOLL_WAIT,
    OS_EVENT_NEW, OS_PIPE, OS_FLAGS_GET, OS_FLAGS_SET, OS_STAT, OS_OPEN, OS_READ_CACHED, OS_READ_OFFSET,
    OS_WRITE_OFFSET, OS_SYNC, OS_PIDFD_OPEN, OS_COPY_FD, OS_KILL, OS_PIDFD_KILL, OS_WAIT_CHILD, OS_SIGNAL_CATCH,
    OS_SIGNAL_RESTORE,
    OS_CALLS,
};

#ifdef RUNG_ASSERT
/*
 * Asked before each call, also each time it is tried again: 0 lets it happen, -errno is given back in its place. *count,
 * NULL where there is none, may be made smaller. Set while no other thread calls. Release builds know nothing of it.
 */
extern int (*os_fault)(enum os_call call, size_t *count);

static inline bool os_is_refused(enum os_call call, size_t *count)
{
    int (*fault)(enum os_call, size_t *) = atomic_load_acquire(&os_fault); /* acquire: pairs with the test's store */
    int error = fault != NULL ? fault(call, count) : 0;
    if (error != 0)
        errno = -error;
    return error != 0;
}
#else
#define os_is_refused(call, count) ((void)(count), false)
#endif

/* One call, tried `again` where a signal ended it; errno stays the caller's. */
#define CALL_WITH(call, count, expression, again)                                                  \
    ({                                                                                             \
        int saved_errno = errno;                                                                   \
        int64_t call_result = 0;                                                                   \
        do                                                                                         \
            call_result = os_is_refused(call, count) ? -1 : (int64_t)(expression);                 \
        while (call_result < 0 && errno == EINTR && (again));                                      \
        if (call_result < 0)                                                                       \
            call_result = -errno;                                                                  \
        errno = saved_errno;                                                                       \
        call_result;                                                                               \
    })
#define CALL(call, expression)              ((int)CALL_WITH(call, NULL, expression, true))
#define CALL_ONCE(call, expression)         ((int)CALL_WITH(call, NULL, expression, false))
#define TRANSFER(call, count, expression)   CALL_WITH(call, count, expression, true)

#endif
