/* SPDX-License-Identifier: MIT */
/*
 * file.c: regular files and directories: calls that block, and that nothing can wait for.
 *
 * A read is tried first without blocking (RWF_NOWAIT), inside the runtime: the page cache answers most. All else runs
 * outside of it, as a blocking call of the user's would: the processor is handed over if it takes its time. `threads` is how
 * many may be there at once, so that a slow disk does not cost a thread for each goroutine.
 *
 * Rejected: a pool of threads for files (two switches of threads for each call, where hand-over costs none while the
 * cache answers); io_uring (not to be had in many containers).
 */
#define _GNU_SOURCE
#include "net/file.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "net/fd.h"

enum { LIMIT_FIRST = 64, LIMIT_MOST = 4096 };

/* ---- the bound ---- */

static rung_sema threads;
static rung_mutex limit_lock;
static int limit;           /* under limit_lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_first_limit(void)
{
    limit = LIMIT_FIRST;
    rung_sema_release(&threads, LIMIT_FIRST);
}

int rung_file_limit(int wanted)
{
    if (wanted < 0 || wanted > LIMIT_MOST)
        return -EINVAL;
    if (sched.is_forked)
        return -ENOTRECOVERABLE;
    pthread_once(&once, set_first_limit);
    rung_mutex_lock(&limit_lock);
    int before = limit;
    while (wanted > limit) {
        rung_sema_release(&threads, 1);
        limit++;
    }
    while (wanted != 0 && wanted < limit && rung_sema_acquire(&threads, 1) == 0) /* may have to wait for one that is in use */
        limit--;
    rung_mutex_unlock(&limit_lock);
    return before;
}

/* ---- blocking ---- */

/* Between the two this goroutine is in user code, as far as sysmon knows. No rung call in between. */
static int begin_blocking(void)
{
    pthread_once(&once, set_first_limit);
    int error = rung_sema_acquire(&threads, 1);
    if (error == 0)
        rung_blocking_begin();
    return error;
}

static void end_blocking(void)
{
    rung_blocking_end();
    rung_sema_release(&threads, 1);
}

struct file_call {
    union {
        struct iovec *parts;
        void *bytes;
    };
    size_t count;   /* of bytes, or of parts */
    int64_t offset;
    bool is_full;
};

/* Does one blocking call on a descriptor that cannot be closed meanwhile; in its turn if it has a position to move. */
static int64_t block_on(rung_fd handle, enum poll_side side, fd_attempt *attempt, struct file_call *call, bool in_turn)
{
    struct descriptor *d;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int64_t result = in_turn ? fd_begin(&m, handle, side, &d) : atomic_load_relaxed(&m_g(m)->ended);
    if (!in_turn && result == 0)
        result = fd_use(handle, &d);
    leave_m(m);
    if (result != 0)
        return result;
    result = begin_blocking();
    if (result == 0) {
        result = attempt(d, call);
        end_blocking();
    }
    m = enter();
    return in_turn ? fd_end(m, d, side, result) : fd_drop(m, d, result);
}

/* ---- at the position ---- */

static int64_t read_now(struct descriptor *d, void *arg)
{
    struct file_call *call = arg;
    return os_read(d->number, call->bytes, call->count);
}

int64_t file_read(rung_fd file, void *bytes, size_t count)
{
    struct file_call call = { .bytes = bytes, .count = count };
    return block_on(file, POLL_READ, read_now, &call, true);
}

static int64_t readv_now(struct descriptor *d, void *arg)
{
    struct file_call *call = arg;
    return os_readv(d->number, call->parts, (int)call->count);
}

int64_t file_readv(rung_fd file, const struct iovec *parts, int count)
{
    struct file_call call = { .parts = (struct iovec *)parts, .count = (size_t)count };
    return block_on(file, POLL_READ, readv_now, &call, true);
}

static int64_t write_now(struct descriptor *d, void *arg)
{
    struct file_call *call = arg;
    size_t done = 0;
    do {
        int64_t put = os_write(d->number, (char *)call->bytes + done, call->count - done);
        if (put < 0)
            return put;
        done += (size_t)put;
    } while (call->is_full && done < call->count);
    return (int64_t)done;
}

int64_t file_write(rung_fd file, const void *bytes, size_t count, bool is_full)
{
    struct file_call call = { .bytes = (void *)bytes, .count = count, .is_full = is_full };
    return block_on(file, POLL_WRITE, write_now, &call, true);
}

/* A full write goes part by part: files take what they are given, but for a full disk. */
static int64_t writev_now(struct descriptor *d, void *arg)
{
    struct file_call *call = arg;
    int64_t total = 0;
    if (!call->is_full)
        return os_writev(d->number, call->parts, (int)call->count);
    for (size_t i = 0; i < call->count; i++) {
        if (call->parts[i].iov_len == 0)
            continue;
        struct file_call part = { .bytes = call->parts[i].iov_base, .count = call->parts[i].iov_len, .is_full = true };
        int64_t put = write_now(d, &part);
        if (put < 0)
            return put;
        total += put;
    }
    return total;
}

int64_t file_writev(rung_fd file, const struct iovec *parts, int count, bool is_full)
{
    struct file_call call = { .parts = (struct iovec *)parts, .count = (size_t)count, .is_full = is_full };
    return block_on(file, POLL_WRITE, writev_now, &call, true);
}

/* ---- at an offset ---- */

static int64_t try_read_at(struct descriptor *d, void *arg)
{
    struct file_call *call = arg;
    struct iovec part = { call->bytes, call->count };
    int64_t got = d->kind == FD_FILE ? os_read_cached(d->number, &part, 1, call->offset) : -ESPIPE;
    return got == -EAGAIN || got == -EOPNOTSUPP || (got > 0 && (size_t)got < call->count) ? FD_BLOCKS : got;
}

static int64_t read_at_now(struct descriptor *d, void *arg)
{
    struct file_call *call = arg;
    size_t done = 0;
    while (done < call->count) {
        int64_t got = os_read_offset(d->number, (char *)call->bytes + done, call->count - done, call->offset + (int64_t)done);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

int64_t rung_read_at(rung_fd file, void *bytes, size_t count, int64_t offset)
{
    struct file_call call = { .bytes = bytes, .count = count, .offset = offset };
    if (offset < 0)
        return -EINVAL;
    int64_t result = rung_scope_error();
    if (result == 0)
        result = fd_ask(file, try_read_at, &call);
    return result != FD_BLOCKS ? result : block_on(file, POLL_READ, read_at_now, &call, false);
}

static int64_t write_at_now(struct descriptor *d, void *arg)
{
    struct file_call *call = arg;
    size_t done = 0;
    while (d->kind == FD_FILE && done < call->count) {
        int64_t put = os_write_offset(d->number, (char *)call->bytes + done, call->count - done, call->offset + (int64_t)done);
        if (put < 0)
            return put;
        done += (size_t)put;
    }
    return d->kind == FD_FILE ? (int64_t)done : -ESPIPE;
}

int64_t rung_write_at(rung_fd file, const void *bytes, size_t count, int64_t offset)
{
    struct file_call call = { .bytes = (void *)bytes, .count = count, .offset = offset };
    return offset < 0 ? -EINVAL : block_on(file, POLL_WRITE, write_at_now, &call, false);
}

/* ---- the file itself ---- */

rung_fd rung_file_open(const char *path, int flags, unsigned mode)
{
    int error = path != NULL ? rung_scope_error() : -EINVAL;
    if (error == 0)
        error = begin_blocking();
    if (error != 0)
        return error;
    int number = os_open(path, flags, mode);
    int kind = number >= 0 ? fd_kind_of(number) : number;
    end_blocking();
    if (number >= 0 && kind < 0)
        os_close_fd(number);
    return kind < 0 ? (kind == -EINVAL && number >= 0 ? -EISDIR : kind) : fd_open(number, (enum fd_kind)kind);
}

static int64_t sync_now(struct descriptor *d, void *arg)
{
    (void)arg;
    return os_sync(d->number);
}

int rung_file_sync(rung_fd file)
{
    return (int)block_on(file, POLL_WRITE, sync_now, NULL, false);
}

static int64_t size_now(struct descriptor *d, void *arg)
{
    (void)arg;
    return os_file_size(d->number);
}

int64_t rung_file_size(rung_fd file)
{
    return fd_ask(file, size_now, NULL);
}

/* ---- to a socket ---- */

/*
 * Reading may block, so it is done outside the runtime; but not announced by rung_blocking: mostly the cache has it, and then
 * copying is work as any other. If the thread does sleep, sysmon sees it.
 */
static int64_t send_some(struct m **m, struct descriptor *to, struct descriptor *file, int64_t *offset, size_t count)
{
    struct poll_half *half = &to->half[POLL_WRITE];
    for (;;) {
        fd_begin_look(half);
        leave_m(*m);
        int64_t sent = os_sendfile(to->number, file->number, offset, count);
        *m = enter();
        if (sent != -EAGAIN)
            return sent;
        int result = netpoll_wait(*m, to, POLL_WRITE);
        *m = machine_m();
        if (result != 0)
            return result;
    }
}

int64_t rung_send_file(rung_fd to_fd, rung_fd file_fd, int64_t offset, size_t count)
{
    struct descriptor *to, *file;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int64_t result = fd_begin(&m, to_fd, POLL_WRITE, &to);
    if (result != 0) {
        leave_m(m);
        return result;
    }
    result = fd_use(file_fd, &file);
    if (result != 0)
        return fd_end(m, to, POLL_WRITE, result);
    size_t done = 0;
    while (done < count && (result = send_some(&m, to, file, &offset, count - done)) > 0)
        done += (size_t)result;
    (void)fd_drop(m, file, 0);
    return fd_end(enter(), to, POLL_WRITE, result < 0 ? result : (int64_t)done);
}

/* ---- directories ---- */

struct rung_directory {
    DIR *stream;
};

int rung_directory_open(rung_directory **directory, const char *path)
{
    int error = directory != NULL && path != NULL ? rung_scope_error() : -EINVAL;
    if (error != 0)
        return error;
    rung_directory *made = malloc(sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    error = begin_blocking();
    if (error == 0) {
        int saved = errno;
        made->stream = opendir(path);
        error = made->stream != NULL ? 0 : -errno;
        errno = saved;
        end_blocking();
    }
    if (error != 0)
        free(made);
    else
        *directory = made;
    return error;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int rung_directory_next(rung_directory *directory, const char **name)
{
    struct dirent *entry;
    int error = begin_blocking();
    if (error != 0)
        return error;
    int saved = errno;
    errno = 0;
    do
        /* cppcheck-suppress readdirCalled; the stream is this goroutine's alone */
        entry = readdir(directory->stream);
    while (entry != NULL && is_dots(entry->d_name));
    error = entry == NULL ? -errno : 0;
    errno = saved;
    end_blocking();
    if (entry != NULL)
        *name = entry->d_name;
    return entry != NULL ? 1 : error;
}

void rung_directory_close(rung_directory *directory)
{
    if (directory == NULL)
        return;
    closedir(directory->stream);
    free(directory);
}
