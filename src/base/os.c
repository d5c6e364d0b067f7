/* SPDX-License-Identifier: MIT */
/*
 * os.c: Linux behind os.h.
 *
 * Calls that glibc wraps well go through glibc; futex, membarrier, gettid and tgkill have no good wrapper
 * and go through syscall(2). glibc reports in errno: each function here saves the caller's errno
 * and puts it back, since the runtime runs between two lines of user code.
 */
#define _GNU_SOURCE
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

bool rung_fence_is_asymmetric;

/* ---- memory ---- */

void *os_reserve(size_t bytes)
{
    int saved = errno;
    void *start = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    errno = saved;
    if (start == MAP_FAILED)
        return NULL;
    /* A huge page under one stack's top would cost 2 MiB of memory for 4 KiB of use. */
    (void)madvise(start, bytes, MADV_NOHUGEPAGE);
    errno = saved;
    return start;
}

void os_release(void *start, size_t bytes)
{
    int saved = errno;
    munmap(start, bytes);
    errno = saved;
}

static int protect(void *start, size_t bytes, int protection)
{
    int saved = errno;
    int result = mprotect(start, bytes, protection) == 0 ? 0 : -errno;
    errno = saved;
    return result;
}

int os_commit(void *start, size_t bytes)
{
    return protect(start, bytes, PROT_READ | PROT_WRITE);
}

int os_guard_protect(void *start, size_t bytes)
{
    return protect(start, bytes, PROT_NONE);
}

static int advise(void *start, size_t bytes, int advice)
{
    int saved = errno;
    int result = madvise(start, bytes, advice) == 0 ? 0 : -errno;
    errno = saved;
    return result;
}

void os_discard(void *start, size_t bytes)
{
    (void)advise(start, bytes, MADV_DONTNEED);
}

int os_guard_marker(void *start, size_t bytes)
{
    return advise(start, bytes, MADV_GUARD_INSTALL);
}

bool os_is_readable(const void *address)
{
    int saved = errno;
    int pipe_fds[2];
    bool is_readable = false;
    if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == 0) {
        is_readable = write(pipe_fds[1], address, 1) == 1;
        close(pipe_fds[0]);
        close(pipe_fds[1]);
    }
    errno = saved;
    return is_readable;
}

size_t os_max_map_count(void)
{
    char text[32];
    if (os_read_file("/proc/sys/vm/max_map_count", text, sizeof text) > 0)
        return strtoul(text, NULL, 10);
    return 65530;
}

/* ---- time ---- */

int64_t os_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void os_sleep(int64_t nanoseconds)
{
    int saved = errno;
    struct timespec time = { nanoseconds / 1000000000, nanoseconds % 1000000000 };
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    errno = saved;
}

/* ---- waiting ---- */

int os_futex_wait(uint32_t *word, uint32_t value, int64_t until)
{
    int saved = errno;
    struct timespec time = { until / 1000000000, until % 1000000000 };
    /* FUTEX_WAIT_BITSET takes an absolute time on the monotonic clock, so that EINTR costs no sum. */
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
                          until == INT64_MAX ? NULL : &time, NULL, FUTEX_BITSET_MATCH_ANY);
    int error = result == 0 ? 0 : -errno;
    errno = saved;
    return error;
}

void os_futex_wake(uint32_t *word, int count)
{
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL, 0);
    errno = saved;
}

void os_fence_init(void)
{
    int saved = errno;
    rung_fence_is_asymmetric =
        syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 &&
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
    errno = saved;
}

void fence_heavy(void)
{
    if (MUTANT(NO_MEMBARRIER))
        return;
    fence_seq_cst();
    if (rung_fence_is_asymmetric) {
        int saved = errno;
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
        errno = saved;
    }
}

/* ---- threads ---- */

struct thread_start {
    os_thread_function *fn;
    void *arg;
};

static void *thread_main(void *start)
{
    struct thread_start *from = start;
    struct thread_start copy = *from;
    free(from);
    copy.fn(copy.arg);
    return NULL;
}

int os_thread_start(os_thread_function *fn, void *arg, void *stack, size_t stack_bytes)
{
    struct thread_start *start = malloc(sizeof *start);
    if (start == NULL)
        return -ENOMEM;
    *start = (struct thread_start){ fn, arg };
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int error = stack != NULL ? pthread_attr_setstack(&attributes, stack, stack_bytes)
                              : pthread_attr_setstacksize(&attributes, stack_bytes);
    if (error == 0)
        error = pthread_create(&thread, &attributes, thread_main, start);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        free(start);
    return -error;
}

int os_thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

void os_thread_yield(void)
{
    sched_yield();
}

/* Without it the kernel may end a timed wait 50 us late, to save wake-ups. */
void os_thread_precise_timers(void)
{
    int saved = errno;
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    errno = saved;
}

int os_thread_signal(int tid, int signal)
{
    int saved = errno;
    int result = syscall(SYS_tgkill, getpid(), tid, signal) == 0 ? 0 : -errno;
    errno = saved;
    return result;
}

int os_thread_state_open(int tid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    return os_open_read(path);
}

int os_thread_is_asleep(int state_fd)
{
    int saved = errno;
    char text[256];
    ssize_t length = pread(state_fd, text, sizeof text - 1, 0);
    int result = -errno;
    errno = saved;
    if (length <= 0)
        return length == 0 ? -EIO : result;
    text[length] = '\0';
    /* "tid (name) S ...": the name may itself hold a parenthesis, so look for the last one. */
    const char *state = strrchr(text, ')');
    if (state == NULL || state[1] == '\0')
        return -EIO;
    return state[2] == 'S' || state[2] == 'D';
}

static long read_number(const char *path)
{
    char text[64];
    if (os_read_file(path, text, sizeof text) <= 0)
        return -1;
    return strtol(text, NULL, 10);
}

/* CPUs' worth of time that the cgroup's quota allows, rounded up; 0 for no limit. */
static int cgroup_quota(void)
{
    char text[512], path[1024], limit[64];
    long quota = -1, period = 0;
    /* Version 2: the process's own group is in /proc/self/cgroup, as "0::/path". */
    const char *group = "";
    if (os_read_file("/proc/self/cgroup", text, sizeof text) > 0) {
        char *line = strstr(text, "0::");
        if (line != NULL) {
            line[strcspn(line, "\n")] = '\0';
            group = line + 3;
        }
    }
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    if (os_read_file(path, limit, sizeof limit) > 0 ||
        os_read_file("/sys/fs/cgroup/cpu.max", limit, sizeof limit) > 0) {
        if (sscanf(limit, "%ld %ld", &quota, &period) != 2)
            return 0;
    } else {
        quota = read_number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
        period = read_number("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    }
    if (quota <= 0 || period <= 0)
        return 0;
    return (int)((quota + period - 1) / period);
}

int os_processors(void)
{
    int saved = errno;
    cpu_set_t set;
    int count = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
    int quota = cgroup_quota();
    if (quota > 0 && quota < count)
        count = quota;
    errno = saved;
    return count > 0 ? count : 1;
}

/* ---- files and the rest ---- */

int os_write_all(int fd, const char *text, size_t length)
{
    int saved = errno;
    int result = 0;
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            result = -errno;
            break;
        }
        text += written;
        length -= (size_t)written;
    }
    errno = saved;
    return result;
}

int os_open_read(const char *path)
{
    int saved = errno;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fd = -errno;
    errno = saved;
    return fd;
}

int os_read_file(const char *path, char *text, size_t capacity)
{
    int fd = os_open_read(path);
    if (fd < 0)
        return fd;
    int saved = errno;
    ssize_t length = read(fd, text, capacity - 1);
    int result = length >= 0 ? (int)length : -errno;
    close(fd);
    errno = saved;
    text[result >= 0 ? result : 0] = '\0';
    return result;
}

int64_t os_read_at(int fd, void *bytes, size_t count, uint64_t offset)
{
    int saved = errno;
    size_t done = 0;
    ssize_t got = 1;
    while (done < count && got != 0) {
        got = pread(fd, (char *)bytes + done, count - done, (off_t)(offset + done));
        if (got < 0 && errno != EINTR)
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    int64_t result = got < 0 ? -errno : (int64_t)done;
    errno = saved;
    return result;
}

void os_close(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}

int os_random(void *bytes, size_t count)
{
    int saved = errno;
    int result = getrandom(bytes, count, GRND_NONBLOCK) == (ssize_t)count ? 0 : -EAGAIN;
    errno = saved;
    return result;
}

uintptr_t os_start_value(int type)
{
    int saved = errno;
    uintptr_t value = getauxval((unsigned long)type);
    errno = saved;
    return value;
}

int os_signal_stack_set(const struct os_signal_stack *stack)
{
    int saved = errno;
    stack_t alternate = { .ss_sp = stack->start, .ss_size = stack->bytes };
    int result = sigaltstack(&alternate, NULL) == 0 ? 0 : -errno;
    errno = saved;
    return result;
}

size_t os_signal_stack_minimum(void)
{
    size_t minimum = getauxval(AT_MINSIGSTKSZ);
    return minimum > 2048 ? minimum : 8192;
}
