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
#include <link.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/cgroup.h"
#include "base/panic.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { WAIT_YIELDS = 100, WAIT_NS = 20000 };

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
    (void)madvise(start, bytes, MADV_DONTDUMP); /* gcore would write all of it */
    errno = saved;
    return start;
}

void *os_reserve_most(size_t *bytes, size_t least)
{
    void *start = os_reserve(*bytes);
    while (start == NULL && *bytes / 2 >= least) {
        *bytes = *bytes / 2 / PAGE * PAGE;
        size_t spare = *bytes / 4 / PAGE * PAGE;
        start = os_reserve(*bytes + spare);
        if (start != NULL)
            os_release((char *)start + *bytes, spare);
    }
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
    int saved = errno;
    (void)madvise(start, bytes, MADV_DODUMP);
    errno = saved;
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

/* Page by page; who takes one away in between makes it fault. */
static size_t copy_readable(char *to, const char *from, size_t bytes)
{
    size_t done = 0;
    while (done < bytes && os_is_readable(from + done)) {
        size_t part = PAGE - (uintptr_t)(from + done) % PAGE;
        part = part < bytes - done ? part : bytes - done;
        memcpy(to + done, from + done, part);
        done += part;
    }
    return done;
}

/* Sandboxes, and qemu, may have no such call. */
size_t os_copy(void *to, const void *from, size_t bytes)
{
    struct iovec here = { to, bytes }, there = { (void *)from, bytes };
    int saved = errno;
    long copied = syscall(SYS_process_vm_readv, getpid(), &here, 1L, &there, 1L, 0L);
    bool is_refused = copied < 0 && errno != EFAULT;
    errno = saved;
    if (is_refused)
        return copy_readable(to, from, bytes);
    return copied > 0 ? (size_t)copied : 0;
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

void os_wall_clock(int64_t *seconds, int64_t *nanoseconds)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *seconds = now.tv_sec;
    *nanoseconds = now.tv_nsec;
}

void os_sleep(int64_t nanoseconds)
{
    int saved = errno;
    struct timespec time = { nanoseconds / 1000000000, nanoseconds % 1000000000 };
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    errno = saved;
}

void os_sleep_until(int64_t until)
{
    struct timespec time = { until / 1000000000, until % 1000000000 };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        continue;
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
    bool is_there = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 &&
                    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
    atomic_store_relaxed(&rung_fence_is_asymmetric, is_there);
    errno = saved;
}

void fence_heavy(void)
{
    if (MUTANT(NO_MEMBARRIER))
        return;
    fence_seq_cst();
    if (atomic_load_relaxed(&rung_fence_is_asymmetric)) {
        int saved = errno;
        while (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0) {
            if (errno != ENOMEM)
                panic("membarrier(2) is refused (errno %d), but was not as rung began: nothing orders its threads any more", errno);
            sched_yield();
        }
        errno = saved;
    }
}

/* ---- threads ---- */

static int add_locals(struct dl_phdr_info *object, size_t size, void *bytes)
{
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_TLS)
            *(size_t *)bytes += object->dlpi_phdr[i].p_memsz + object->dlpi_phdr[i].p_align;
    return 0;
}

size_t os_thread_locals_bytes(void)
{
    static size_t known; /* atomic: what is loaded later has its own elsewhere */
    size_t bytes = atomic_load_relaxed(&known);
    if (bytes == 0) {
        dl_iterate_phdr(add_locals, &bytes);
        bytes = (bytes / PAGE + 1) * PAGE;
        atomic_store_relaxed(&known, bytes);
    }
    return bytes;
}

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

static int thread_start(os_thread_function *fn, void *arg, void *stack, size_t stack_bytes)
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
                              : pthread_attr_setstacksize(&attributes, stack_bytes + os_thread_locals_bytes());
    if (error == 0)
        error = pthread_create(&thread, &attributes, thread_main, start);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        free(start);
    return -error;
}

int os_thread_start(os_thread_function *fn, void *arg, void *stack, size_t stack_bytes)
{
    int saved = errno;
    int error = thread_start(fn, arg, stack, stack_bytes);
    errno = saved;
    return error;
}

int os_thread_start_masked(os_thread_function *fn, void *arg, size_t stack_bytes)
{
    sigset_t all, old;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = os_thread_start(fn, arg, NULL, stack_bytes);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

int os_process_id(void)
{
    return getpid();
}

int os_thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

void os_thread_yield(void)
{
    sched_yield();
}

void os_thread_wait(uint32_t i)
{
    if (i < WAIT_YIELDS)
        sched_yield();
    else
        os_sleep(WAIT_NS);
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

int os_cpu_timer_open(int tid, int64_t every_ns, int signal)
{
    enum { THREADS_CPU_TIME = 6 }; /* of a clock's number, above which is the thread's, inverted: clock_getres(2) */
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal };
    struct timespec every = { every_ns / 1000000000, every_ns % 1000000000 };
    struct itimerspec times = { every, every };
    int saved = errno, timer = -1;
    event._sigev_un._tid = tid;
    int result = syscall(SYS_timer_create, (int)(~(unsigned)tid << 3 | THREADS_CPU_TIME), &event, &timer) == 0 ? 0 : -errno;
    if (result == 0 && syscall(SYS_timer_settime, timer, 0, &times, NULL) != 0) {
        result = -errno;
        os_cpu_timer_close(timer);
    }
    errno = saved;
    return result == 0 ? timer : result;
}

void os_cpu_timer_close(int timer)
{
    int saved = errno;
    syscall(SYS_timer_delete, timer);
    errno = saved;
}

int os_thread_state_open(int tid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    return os_open_read(path);
}

static bool has_timeout(int socket_fd, int option)
{
    struct timeval time;
    socklen_t bytes = sizeof time;
    return getsockopt(socket_fd, SOL_SOCKET, option, &time, &bytes) == 0 && (time.tv_sec != 0 || time.tv_usec != 0);
}

static bool is_restarted(long number, const unsigned long arguments[6])
{
    int fd = (int)arguments[0];
    switch (number) {
    case SYS_wait4:
    case SYS_waitid:
    case SYS_openat:
    case SYS_flock: return true;
    case SYS_futex: return arguments[3] == 0; /* without a timeout */
    case SYS_read:
    case SYS_readv:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_accept:
    case SYS_accept4: return !has_timeout(fd, SO_RCVTIMEO);
    case SYS_write:
    case SYS_writev:
    case SYS_sendto:
    case SYS_sendmsg: return !has_timeout(fd, SO_SNDTIMEO);
    default: return false;
    }
}

bool os_thread_may_be_signalled(int tid)
{
    char path[64], text[256];
    long number;
    unsigned long arguments[6];
    int saved = errno;
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
    int fd = os_open_read(path);
    ssize_t length = fd >= 0 ? pread(fd, text, sizeof text - 1, 0) : -1;
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    bool may_be = strncmp(text, "running", 7) == 0;
    if (sscanf(text, "%ld %lx %lx %lx %lx %lx %lx", &number, &arguments[0], &arguments[1], &arguments[2], &arguments[3],
               &arguments[4], &arguments[5]) == 7)
        may_be = is_restarted(number, arguments);
    errno = saved;
    return may_be;
}

/* The letter that proc(5) gives, or -errno. By syscall(2): a dump may read what a new thread is just opening, which TSan minds. */
static int thread_state(int state_fd)
{
    int saved = errno;
    char text[256];
    ssize_t length = syscall(SYS_pread64, state_fd, text, sizeof text - 1, 0);
    int result = -errno;
    errno = saved;
    if (length <= 0)
        return length == 0 ? -EIO : result;
    text[length] = '\0';
    /* "tid (name) S ...": the name may itself hold a parenthesis, so look for the last one. */
    const char *state = strrchr(text, ')');
    if (state == NULL || state[1] == '\0')
        return -EIO;
    return state[2];
}

int os_thread_is_asleep(int state_fd)
{
    int state = thread_state(state_fd);
    return state < 0 ? state : state == 'S' || state == 'D';
}

bool os_thread_wants_cpu(int state_fd)
{
    return thread_state(state_fd) == 'R';
}

int64_t os_thread_cpu(int tid)
{
    int saved = errno;
    struct timespec time;
    int result = clock_gettime((clockid_t)(~(unsigned)tid << 3 | 6), &time); /* as pthread_getcpuclockid has it */
    errno = saved;
    return result == 0 ? (int64_t)time.tv_sec * 1000000000 + time.tv_nsec : -1;
}

int os_processors(void)
{
    int saved = errno;
    cpu_set_t set;
    int count;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
    else
        count = (int)sysconf(_SC_NPROCESSORS_ONLN); /* more than 1,024 of them */
    int quota = cgroup_processors("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota > 0 && quota < count)
        count = quota;
    errno = saved;
    return count > 0 ? count : 1;
}

/* ---- files and the rest ---- */

/* Of a write that has failed. Standard error may be non-blocking: so are all descriptors of a terminal, as soon as one is. */
static bool is_worth_another(int fd)
{
    struct pollfd room = { .fd = fd, .events = POLLOUT };
    if (errno == EAGAIN)
        return poll(&room, 1, -1) >= 0 || errno == EINTR;
    return errno == EINTR;
}

int os_write_all(int fd, const char *text, size_t length)
{
    int saved = errno;
    int result = 0;
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && is_worth_another(fd))
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

/* Locked as long as it is open. A pipe or a device stays what it is, and may be others', too. */
static int open_alone(const char *path, int flags)
{
    struct stat status;
    int fd = open(path, flags | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    bool is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    if (is_file && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(fd);
        return -EBUSY;
    }
    return fd;
}

int os_create(const char *path)
{
    int saved = errno, fd = open_alone(path, O_WRONLY);
    if (fd >= 0)
        os_cut(fd, 0);
    errno = saved;
    return fd;
}

/* An empty one. What was there goes on under the name with ".old", or where that cannot be made is gone. */
static int open_anew(const char *path)
{
    char old[PATH_MAX];
    struct stat status;
    int fd = open_alone(path, O_RDWR);
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
        snprintf(old, sizeof old, "%s.old", path) < (int)sizeof old && rename(path, old) == 0) {
        close(fd);
        fd = open_alone(path, O_RDWR);
    }
    if (fd >= 0)
        os_cut(fd, 0);
    return fd;
}

/* What is beyond RLIMIT_FSIZE would not only fail: SIGXFSZ would end the process. */
static int allocate(int fd, size_t bytes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && bytes > limit.rlim_cur)
        return -EFBIG;
    return -posix_fallocate(fd, 0, (off_t)bytes);
}

int os_map_file(const char *path, size_t bytes, void **start)
{
    int saved = errno, fd = open_anew(path);
    int error = fd < 0 ? fd : allocate(fd, bytes);
    if (error == 0) {
        *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        error = *start == MAP_FAILED ? -errno : 0;
    }
    if (error != 0 && fd >= 0)
        close(fd);
    errno = saved;
    return error != 0 ? error : fd;
}

int os_program_path(char *path, size_t capacity)
{
    int saved = errno;
    ssize_t length = readlink("/proc/self/exe", path, capacity - 1);
    int result = length >= 0 ? (int)length : -errno;
    path[length >= 0 ? length : 0] = '\0';
    errno = saved;
    return result;
}

void os_cut(int fd, uint64_t bytes)
{
    int saved = errno;
    if (ftruncate(fd, (off_t)bytes) != 0) {
        /* a pipe, or a device */
    }
    errno = saved;
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
