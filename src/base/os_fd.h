/* SPDX-License-Identifier: MIT */
/*
 * os_fd.h: the kernel's descriptors, one call at a time: os.h's other half, and of the same seam.
 *
 * All give back 0, a count or a descriptor, or -errno; none touches errno. Each is tried again where a signal
 * ended it early, but os_close, which the kernel has done by then, and the waits. Descriptors that are made here are
 * closed on exec. None of these blocks where the descriptor is non-blocking, but os_close (of a socket that lingers).
 */
#ifndef RUNG_OS_FD_H
#define RUNG_OS_FD_H

#include <sys/epoll.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/base.h"

struct msghdr;
struct pollfd;

/* ---- sockets ---- */

int os_socket(int domain, int type, int protocol);
int os_socket_pair(int type, int fds[2]);
int os_bind(int fd, const void *address, uint32_t length);
int os_listen(int fd, int backlog);
/* Non-blocking. `length` in: what there is room for; out: what the address takes. Both may be NULL. */
int os_accept(int fd, void *address, uint32_t *length);
int os_connect(int fd, const void *address, uint32_t length);
int os_shutdown(int fd, int how);
int os_option_set(int fd, int level, int name, const void *value, uint32_t length);
int os_option_get(int fd, int level, int name, void *value, uint32_t *length);
int os_name_local(int fd, void *address, uint32_t *length);
int os_name_peer(int fd, void *address, uint32_t *length);

int64_t os_receive(int fd, void *bytes, size_t count);
/* The same of a TCP socket with TCP_INQ set. *left becomes what it still holds, or -1 if that is not told. */
int64_t os_receive_told(int fd, void *bytes, size_t count, int *left);
/* No SIGPIPE. */
int64_t os_send(int fd, const void *bytes, size_t count);
int64_t os_receive_message(int fd, struct msghdr *message, int flags);
int64_t os_send_message(int fd, const struct msghdr *message, int flags);

/* ---- any descriptor ---- */

int64_t os_read(int fd, void *bytes, size_t count);
int64_t os_readv(int fd, const struct iovec *parts, int count);
/* No SIGPIPE: it is held back, and eaten. */
int64_t os_write(int fd, const void *bytes, size_t count);
int64_t os_writev(int fd, const struct iovec *parts, int count);
/* May block: of regular files. A descriptor that is non-blocking where it can be. */
int os_open(const char *path, int flags, unsigned mode);
/* -EAGAIN unless the page cache can answer; -EOPNOTSUPP where file system or kernel cannot say. An offset of -1: the position. */
int64_t os_read_cached(int fd, const struct iovec *parts, int count, int64_t offset);
int64_t os_read_offset(int fd, void *bytes, size_t count, int64_t offset);
int64_t os_write_offset(int fd, const void *bytes, size_t count, int64_t offset);
int os_sync(int fd);
int64_t os_file_size(int fd);
/* No SIGPIPE either. */
int64_t os_sendfile(int to, int from, int64_t *offset, size_t count);
int64_t os_splice(int from, int to, size_t count);
int os_close_fd(int fd);
int os_pipe(int fds[2], bool is_blocking);
int os_set_blocking(int fd, bool is_blocking);
/* S_IF* of its mode, or -errno. */
int os_file_type(int fd);

/* ---- waiting ---- */

/* Until the absolute time; INT64_MAX: for ever, 0: not at all. How many are ready; -EINTR too, unless it is 0. */
int os_poll(struct pollfd *fds, uint32_t count, int64_t until);
int os_epoll_new(void);
int os_epoll_add(int epoll, int fd, uint32_t events, uint64_t data);
/* The same for one that is registered. */
int os_epoll_change(int epoll, int fd, uint32_t events, uint64_t data);
int os_epoll_remove(int epoll, int fd);
/* As os_poll. Where the kernel has no epoll_pwait2 it may be up to 1 ms late. */
int os_epoll_wait(int epoll, struct epoll_event *events, int most, int64_t until);

/* A counter that polls as readable while it is not 0. */
int os_event_new(void);
/* 0; or -errno: it has been closed, by whom it does not belong to. */
int os_event_set(int fd);
void os_event_clear(int fd);

#endif
