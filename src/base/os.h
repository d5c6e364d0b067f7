/* SPDX-License-Identifier: MIT */
/*
 * os.h: the kernel, one call at a time.
 *
 * The second seam (beside atomic.h): every system call of librung goes through a function here,
 * so that tests can make each of them fail and the model checker can replace them. All give back 0 or a
 * count, or -errno; none touches errno. Nothing here knows of goroutines.
 */
#ifndef RUNG_OS_H
#define RUNG_OS_H

#include "base/base.h"

/* ---- memory ---- */

/* Reserves address space that costs nothing, in core files neither, until committed. NULL where it can't be had. */
void *os_reserve(size_t bytes);
/*
 * The same for at most *bytes, where a limit may refuse them (RLIMIT_AS): then half, a quarter, ... of it, so
 * that a fifth of what there is stays for malloc and others. *bytes becomes what was reserved; at least `least`.
 */
void *os_reserve_most(size_t *bytes, size_t least);
void os_release(void *start, size_t bytes);

/*
 * Makes the file, or makes it anew, and maps it: what is written there outlives the process. What was there before has the name
 * with ".old" then. It has all its blocks, so that no write fails. A descriptor, as os_create's, or -errno.
 */
int os_map_file(const char *path, size_t bytes, void **start);

/* Makes reserved memory readable and writable, zeroed. 0 or -ENOMEM. */
int os_commit(void *start, size_t bytes);

/* Gives the pages back to the kernel; the range stays usable and reads as zeros. */
void os_discard(void *start, size_t bytes);

/* Installs guard markers (Linux 6.13, MADV_GUARD_INSTALL), or takes all access away. 0 or -errno. */
int os_guard_marker(void *start, size_t bytes);
int os_guard_protect(void *start, size_t bytes);

/* Whether one byte can be read, asked of the kernel: never faults. */
bool os_is_readable(const void *address);
/* Copies what may not be there. How many bytes were, from the start on. Async-signal-safe. */
size_t os_copy(void *to, const void *from, size_t bytes);

/* /proc/sys/vm/max_map_count, or Linux's default where it can't be read. */
size_t os_max_map_count(void);

/* ---- time ---- */

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t os_now(void);
/* CLOCK_REALTIME: seconds since 1970, and nanoseconds. */
void os_wall_clock(int64_t *seconds, int64_t *nanoseconds);
/* A signal may end it early. */
void os_sleep(int64_t nanoseconds);
/* Until the absolute time, whatever signals come. */
void os_sleep_until(int64_t until);

/* ---- waiting ---- */

/* Sleeps while *word == value, until the absolute time (INT64_MAX: for ever). 0, -EAGAIN, -EINTR, -ETIMEDOUT. */
int os_futex_wait(uint32_t *word, uint32_t value, int64_t until);
void os_futex_wake(uint32_t *word, int count);

/* The heavy half of atomic.h's asymmetric fences; os_fence_init decides how. */
void os_fence_init(void);
void fence_heavy(void);

/* ---- threads ---- */

typedef void os_thread_function(void *arg);

/* What thread-local variables take of each thread's stack, whose top they lie at; whole pages. */
size_t os_thread_locals_bytes(void);

/*
 * Starts a detached thread on the given stack, or on one of its own with so many bytes beside thread-local variables, all
 * signals blocked as given by the creator. 0 or -EAGAIN, ...
 */
int os_thread_start(os_thread_function *fn, void *arg, void *stack, size_t stack_bytes);
/* The same on a stack of its own, of so many bytes, and no signal is for it but those that tell of its own faults. */
int os_thread_start_masked(os_thread_function *fn, void *arg, size_t stack_bytes);
int os_thread_id(void);
int os_process_id(void);
void os_thread_yield(void);
/* For the i-th time in a loop that waits for another thread: sleeps at last, since no thread of lower priority runs by yielding. */
void os_thread_wait(uint32_t i);
void os_thread_precise_timers(void);
int os_thread_signal(int tid, int signal);

/*
 * Sends the thread that signal, with SI_TIMER, whenever it has used that much more CPU time. The timer's number, or -errno.
 * It does not go away with its thread.
 */
int os_cpu_timer_open(int tid, int64_t every_ns, int signal);
void os_cpu_timer_close(int timer);

/* Opens what os_thread_is_asleep reads, for the calling thread. A descriptor, or -errno. */
int os_thread_state_open(int tid);
/* Whether that thread sleeps in the kernel: 1, 0, or -errno. */
int os_thread_is_asleep(int state_fd);
/* Whether it runs, or would if it had a CPU: not so if it sleeps or a debugger has stopped it. */
bool os_thread_wants_cpu(int state_fd);
/* CPU time that a thread of this process has had, in nanoseconds; -1 if that is not known. */
int64_t os_thread_cpu(int tid);

/*
 * Whether a signal whose handler has SA_RESTART leaves what that thread of this process does as it is (signal(7)): it
 * computes, or sleeps in a call that goes on. By the time that this returns it may be elsewhere.
 */
bool os_thread_may_be_signalled(int tid);

/* Processors this process may use: affinity and cgroup quota, at least 1. */
int os_processors(void);

/* ---- files and the rest ---- */

int os_write_all(int fd, const char *text, size_t length);
int os_open_read(const char *path);
/*
 * Makes the file, or empties it, to be written. A descriptor, which keeps others from doing so, or -errno: -EBUSY if somebody,
 * perhaps another process, is doing it.
 */
int os_create(const char *path);
/* Leaves the file's first bytes, if it is one that has a length. */
void os_cut(int fd, uint64_t bytes);
/* Reads a small file whole into text, zero-terminated. Bytes, or -errno. */
int os_read_file(const char *path, char *text, size_t capacity);
/* Reads `count` bytes of an open file from an offset; fewer only at its end. Bytes, or -errno. */
int64_t os_read_at(int fd, void *bytes, size_t count, uint64_t offset);
void os_close(int fd);
/* The program's own path. Its length, or -errno. */
int os_program_path(char *path, size_t capacity);
int os_random(void *bytes, size_t count);
/* What the kernel told the program at its start, AT_* of <elf.h>; 0 if it did not. */
uintptr_t os_start_value(int type);

struct os_signal_stack {
    void *start;
    size_t bytes;
};
int os_signal_stack_set(const struct os_signal_stack *stack);
size_t os_signal_stack_minimum(void);

#endif
