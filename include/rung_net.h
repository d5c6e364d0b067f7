/* SPDX-License-Identifier: MIT */
/*
 * rung_net.h: sockets, and any other descriptor that can be waited for.
 *
 * What holds for rung.h holds here: calls give back -errno, a call that "parks" stops the goroutine and obeys the scope
 * it runs in (-ECANCELED, -ETIMEDOUT; at once, and nothing done, if that has ended already), and all may be called by any
 * thread, before, in and after rung_run, but not in signal handlers, nor in the child of a fork (-ENOTRECOVERABLE).
 * A plain thread sleeps where a goroutine would park. So there are no timeouts here: open a scope.
 *
 * Handles       A rung_fd is a value, copied freely. It is not the kernel's descriptor: that number is used again as soon
 *               as it is closed, a rung_fd is not. One that was closed, is negative, or never was one (an int from
 *               open(2), say) gives -EBADF in every call, always. So does a call that is made, or waits, while
 *               another goroutine closes it. Calls that open something give back a rung_fd or -errno:
 *                   rung_fd fd = rung_dial("127.0.0.1:80", NULL);
 *                   if (fd < 0)
 *                       return (int)fd;
 *               rung keeps some of the kernel's for itself: who closes all there are (closefrom, as daemons do) does so
 *               before the first call, since without these a panic ends the process.
 * Turns         Reading and writing at once from two goroutines is fine. Of two that read (or receive, accept, wait for
 *               reading), or that write, one waits for its turn: a full write is never torn by another.
 * Bytes         A count of 0 gives 0, after the descriptor was looked at. A NULL pointer to bytes, or a bad one, gives
 *               -EFAULT where the count is not 0. (Not to a reader or a writer, which copy.)
 * SIGPIPE       is never raised by these calls; they give -EPIPE.
 * First try     Each call tries the kernel at once, and parks only if that would block.
 */
#ifndef RUNG_NET_H
#define RUNG_NET_H

#include <rung.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t rung_fd;

/* ---- addresses -------------------------------------------------------------------------- */

/*
 * The kernel's address of a socket, whatever its family: `storage` holds a struct sockaddr_in, _in6 or _un of `length`
 * bytes. As text:
 *     127.0.0.1:80    [::1]:80    [fe80::1%eth0]:80    IPv4, IPv6, with a scope
 *     :80                                              any address, for listening (IPv6 and IPv4)
 *     unix:/run/x     unix:@x                          a path; an abstract name
 */
typedef struct rung_address {
    uint32_t length;
    uint32_t rung_private;
    uint64_t storage[16];
} rung_address;

#define RUNG_ADDRESS_TEXT 128 /* bytes that every address fits into as text */

/* Reads a numeric address. -EINVAL: it is none; -ENAMETOOLONG: a Unix name that is too long; -ENODEV: no such interface. */
int rung_address_parse(rung_address *address, const char *text);

/* Writes it as text, zero-terminated. Its length, or -ENOSPC; -EAFNOSUPPORT for another family. "unix:" is one without a name. */
int rung_address_format(const rung_address *address, char *text, size_t capacity);

/*
 * What a name means here, by hosts file, DNS and all that the system's nsswitch.conf names, in the order to be tried; also for
 * text that is an address. Parks. How many there are, at most `capacity`. -ENOENT: no such name; -EAGAIN: nobody
 * who knows could be reached, or there is no thread to ask; -EINVAL: no "host:port"; -ENAMETOOLONG; -EIO; -EMFILE. One that was
 * given up (by its scope) goes on behind on a thread of its own, and its answer is dropped: nothing waits for it, rung_run
 * neither.
 */
int rung_resolve(const char *text, rung_address *addresses, int capacity);

/* Whose address this socket has, and whose its peer. -ENOTSOCK, -ENOTCONN, ... Never park. */
int rung_local_address(rung_fd fd, rung_address *address);
int rung_peer_address(rung_fd fd, rung_address *address);

/* ---- sockets ---------------------------------------------------------------------------- */

enum rung_socket_kind { RUNG_STREAM = 0, RUNG_DATAGRAM = 1, RUNG_SEQPACKET = 2 };

typedef struct rung_socket_options {
    enum rung_socket_kind kind; /* TCP, UDP; or their like of Unix's. SEQPACKET: Unix only */
    int backlog;                /* listen: connections that wait to be accepted; 0: as many as the kernel allows */
    bool reuse_port;            /* listen: several sockets share the port */
    const char *source;         /* dial: the local address; NULL: any */
} rung_socket_options;

/*
 * A socket that listens on the address; a datagram socket: one that receives there. `options` may be NULL. Never parks.
 * -EINVAL (no address), -EADDRINUSE, -EACCES, -EMFILE, ... A path that exists is -EADDRINUSE; remove it before.
 */
rung_fd rung_listen(const char *address, const rung_socket_options *options);

/*
 * Takes the next connection; parks until there is one. *peer, if not NULL, becomes its address. Errors that belong to a
 * connection that is gone again are passed over. Where no descriptor or memory is to be had (-EMFILE, -ENFILE, ...)
 * it waits and tries again, from 5 ms to 100 ms later. -EINVAL: it does not listen.
 */
rung_fd rung_accept(rung_fd listener, rung_address *peer);

/*
 * A socket that is connected to the address; parks until it is. A datagram socket: one that sends there, and
 * receives from there only. `options` may be NULL. The address may be a name ("example.org:80", "db:http"; ":80" is
 * this machine): of its addresses each next one is tried too after 250 ms, or when the one before fails, and the first
 * that answers is taken (RFC 8305). -ECONNREFUSED (also where TCP would connect the socket to itself), -ENETUNREACH,
 * -ETIMEDOUT, ...: of the first; and rung_resolve's.
 */
rung_fd rung_dial(const char *address, const rung_socket_options *options);

/* Two Unix sockets that are connected to each other. */
int rung_socket_pair(enum rung_socket_kind kind, rung_fd pair[2]);

/* Ends one direction, or both: the peer reads the end, our writes give -EPIPE; our reads give 0. Those that wait wake. */
enum rung_direction { RUNG_READ = 1, RUNG_WRITE = 2 };
int rung_shutdown(rung_fd fd, int directions);

/* Numbers of setsockopt(2). NO_DELAY is on for every TCP socket that is made here, as is SO_REUSEADDR for one that listens. */
enum rung_option {
    RUNG_NO_DELAY = 1,    /* small writes are sent at once */
    RUNG_CORK,            /* only full packets are sent, until it is cleared */
    RUNG_KEEP_ALIVE,      /* seconds of silence after which the peer is asked whether it is there; 0: never */
    RUNG_SEND_BUFFER,     /* bytes */
    RUNG_RECEIVE_BUFFER,
    RUNG_LINGER,          /* seconds that a close waits for what is unsent; -1: does not wait; 0: drops it, with a reset */
    RUNG_BROADCAST,
    RUNG_USER_TIMEOUT,    /* milliseconds that sent data may stay unacknowledged */
    RUNG_DEFER_ACCEPT,    /* listen: seconds to wait for the first data before it is accepted */
    RUNG_HOPS,            /* IP's time to live */
    RUNG_TRAFFIC_CLASS,   /* IP's type of service */
};
int rung_option_set(rung_fd fd, enum rung_option option, int value);
/* *value is what the kernel has made of it. -EINVAL: no such option; -EOPNOTSUPP: not for this socket. Never park. */
int rung_option_get(rung_fd fd, enum rung_option option, int *value);

/* ---- reading and writing ---------------------------------------------------------------- */

/*
 * Reads what is there, at most `count` bytes; parks until there is something. 0: the end. -ECONNRESET, ...
 * Sockets, pipes, ttys; of a datagram it reads the first `count` bytes.
 */
int64_t rung_read(rung_fd fd, void *bytes, size_t count);

/* Reads `count` bytes; fewer only if the end comes before, which is no error. After an error, what was read is lost. */
int64_t rung_read_full(rung_fd fd, void *bytes, size_t count);

/* Writes what there is room for, one byte at least; parks until there is room. -EPIPE, -ECONNRESET, ... */
int64_t rung_write(rung_fd fd, const void *bytes, size_t count);

/* Writes all: gives back `count`. After an error (the scope's, too) some of it may have been written. */
int64_t rung_write_full(rung_fd fd, const void *bytes, size_t count);

/* The same with up to 1,024 parts. -EINVAL: more of them, or the sum is too large. */
int64_t rung_readv(rung_fd fd, const struct iovec *parts, int count);
int64_t rung_writev(rung_fd fd, const struct iovec *parts, int count);
int64_t rung_writev_full(rung_fd fd, const struct iovec *parts, int count);

/* ---- files ------------------------------------------------------------------------------ */

/*
 * Regular files and directories never say that they would block: they block. So a call that the page cache cannot answer keeps
 * its thread, and others go on on another. At most so many threads are in such calls at a time, the others park until one
 * is back; 0 leaves it as it is. Gives back what it was; 64 at first. -EINVAL: below 0, or above 4,096. Parks, to lower it,
 * until that many are back. Any thread, at any time.
 */
int rung_file_limit(int threads);

/*
 * As open(2); closed by rung_close, read and written by the calls above, at the file's position, or by those below. No
 * directory. What is no regular file (a fifo, a tty) can be waited for, as any descriptor; it is opened without waiting, so
 * that a fifo is -ENXIO for writing while nobody reads there. -ENOENT, -EACCES, -EISDIR, ...
 */
rung_fd rung_file_open(const char *path, int flags, unsigned mode);

/* At that offset; they have no turns, and do not move the position. Fewer bytes at the end only. -ESPIPE: it has no offsets. */
int64_t rung_read_at(rung_fd file, void *bytes, size_t count, int64_t offset);
int64_t rung_write_at(rung_fd file, const void *bytes, size_t count, int64_t offset);

/* Waits until what was written is on the disk. */
int rung_file_sync(rung_fd file);

/* Its size in bytes. -EINVAL: not a regular file. */
int64_t rung_file_size(rung_fd file);

/*
 * Sends `count` bytes of a file, from that offset on, to a socket or pipe, without their passing through the program. All of them,
 * or fewer where the file ends before. Parks as rung_write_full does. -ESPIPE, -EINVAL: not from that one, not to this one.
 */
int64_t rung_send_file(rung_fd to, rung_fd file, int64_t offset, size_t count);

/* The names in a directory, without "." and ".."; what each is, lstat(2) tells. For one goroutine at a time. */
typedef struct rung_directory rung_directory;
int rung_directory_open(rung_directory **directory, const char *path);
/* 1 and the next name, valid until the next call; 0: no more; or -errno. */
int rung_directory_next(rung_directory *directory, const char **name);
void rung_directory_close(rung_directory *directory); /* NULL: nothing */

/* ---- messages --------------------------------------------------------------------------- */

/*
 * Sends one message: to that address, or, NULL, where the socket is connected to. Parks until there is room. The count;
 * -EMSGSIZE: too long for one message; -ECONNREFUSED: an earlier one found nobody there.
 */
int64_t rung_send_to(rung_fd fd, const void *bytes, size_t count, const rung_address *to);

/* Receives one, and from whom, if `from` is not NULL. Parks until there is one. What `capacity` has no room for is lost. */
int64_t rung_receive_from(rung_fd fd, void *bytes, size_t capacity, rung_address *from);

/* The general form of both. Over Unix sockets descriptors travel along: the receiver gets others of the same files. */
typedef struct rung_message {
    struct iovec *parts;
    int part_count;
    rung_address *address;  /* to whom; from whom. NULL: not told */
    rung_fd *fds;           /* to be sent: they stay open. Received: to be closed by rung_close */
    int fd_count;           /* received: room for so many, then how many came; at most 253 */
    bool is_truncated;      /* received: there was more than there was room for */
} rung_message;

/*
 * With descriptors, send at least one byte. The count; -EINVAL; -EBADF, for one that is to be sent, too;
 * -ETOOMANYREFS: too many on their way. If one of those that came cannot be kept (-ENOMEM; -EINVAL, for a directory; ...), all
 * are closed.
 */
int64_t rung_send_message(rung_fd fd, const rung_message *message);
int64_t rung_receive_message(rung_fd fd, rung_message *message);

/* ---- pipes, and bytes that do not pass through the program ------------------------------ */

/* ends[0] reads what is written to ends[1]. -EMFILE, -ENFILE, ... Never parks. */
int rung_pipe(rung_fd ends[2]);

/*
 * Moves what is there, at most `count` bytes, from one to the other, of which one has to be a pipe; parks until there is
 * something, and room for it. 0: the end. -EINVAL: not for these two. Both have their turns for it. Urgent data are left out.
 */
int64_t rung_splice(rung_fd from, rung_fd to, size_t count);

/* ---- buffers ---------------------------------------------------------------------------- */

/*
 * A reader of any rung_fd, with a buffer of yours, of `size` bytes (1 at least), which it uses until you are done. For one
 * goroutine at a time; it needs no end. What a call gives back within the buffer is valid until the next call.
 */
typedef struct rung_reader {
    rung_fd fd;
    char *bytes;
    size_t size;
    size_t begin, end; /* what it holds: bytes[begin, end) */
} rung_reader;

void rung_reader_open(rung_reader *reader, rung_fd fd, void *bytes, size_t size);

/*
 * The next line, with its newline; or the rest, without one, at the end. *line is within the buffer. Its length; 0: the end;
 * -EMSGSIZE: it is longer than the buffer; or an error of rung_read. The same up to any delimiter.
 */
int64_t rung_reader_line(rung_reader *reader, char **line);
int64_t rung_reader_until(rung_reader *reader, char delimiter, char **piece);

/* What comes next, at least `count` bytes of it (fewer at the end only), and stays there. -EMSGSIZE. */
int64_t rung_reader_peek(rung_reader *reader, size_t count, char **piece);
/* Forgets so many of what it holds. */
void rung_reader_skip(rung_reader *reader, size_t count);

/* As rung_read and rung_read_full. */
int64_t rung_reader_read(rung_reader *reader, void *bytes, size_t count);
int64_t rung_reader_read_full(rung_reader *reader, void *bytes, size_t count);

/* The same for writing. After an error each further call gives it back; nothing is flushed by itself at the end. */
typedef struct rung_writer {
    rung_fd fd;
    char *bytes;
    size_t size;
    size_t end; /* what it holds: bytes[0, end) */
    int error;  /* the first */
} rung_writer;

void rung_writer_open(rung_writer *writer, rung_fd fd, void *bytes, size_t size);
/* Writes all, into the buffer if it fits. `count`, or an error of rung_write_full. */
int64_t rung_writer_write(rung_writer *writer, const void *bytes, size_t count);
/* As printf: its length; -EMSGSIZE, and nothing of it written, if it has no room in the buffer with its final zero. */
int64_t rung_writer_printf(rung_writer *writer, const char *format, ...) RUNG_PRINTF(2, 3);
/* 0 or the first error. */
int rung_writer_flush(rung_writer *writer);

/* ---- any descriptor --------------------------------------------------------------------- */

/*
 * Makes a rung_fd of a descriptor of the kernel's, which becomes non-blocking and is rung's from now on: close it by
 * rung_close. On failure it stays the caller's. -EBADF; -EINVAL for a directory. Never parks.
 */
rung_fd rung_fd_adopt(int number);

/* The kernel's number, for calls that are not here. Do not close it, and keep it non-blocking. Never parks. */
int rung_fd_number(rung_fd fd);

/* The reverse of adopt: gives the number back, non-blocking, and the rung_fd is no more. -EBUSY: it is in use. Never parks. */
int rung_fd_release(rung_fd fd);

/*
 * Parks until the descriptor can be read or written without blocking, or has an error or a hang-up to tell. Gives
 * back the directions in which that is so. For libraries that read and write by themselves; where one closes its number by itself,
 * too, adopt a dup(2) of it, and close that when the library is done: whoever waits wakes. -EINVAL: no direction.
 */
int rung_fd_wait(rung_fd fd, int directions);

/*
 * Closes it. Whoever reads, writes, accepts or waits gets -EBADF, and the last of them has the kernel close
 * it. Waits only for a socket that lingers. 0; -EBADF: it is not open (any more); or, of a file, what close(2) says was not
 * written: it is closed all the same.
 */
int rung_close(rung_fd fd);

#ifdef __cplusplus
}
#endif

#endif
