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

/* Reserves address space that costs nothing until committed. NULL where it can't be had. */
void *os_reserve(size_t bytes);
void os_release(void *start, size_t bytes);

/* Makes reserved memory readable and writable, zeroed. 0 or -ENOMEM. */
int os_commit(void *start, size_t bytes);

/* Gives the pages back to the kernel; the range stays usable and reads as zeros. */
void os_discard(void *start, size_t bytes);

/* Installs guard markers (Linux 6.13, MADV_GUARD_INSTALL), or takes all access away. 0 or -errno. */
int os_guard_marker(void *start, size_t bytes);
int os_guard_protect(void *start, size_t bytes);

/* Whether one byte can be read, asked of the kernel: never faults. */
bool os_is_readable(const void *address);

/* /proc/sys/vm/max_map_count, or Linux's default where it can't be read. */
size_t os_max_map_count(void);

/* ---- time ---- */

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t os_now(void);
void os_sleep(int64_t nanoseconds);

/* ---- waiting ---- */

/* Sleeps while *word == value, until the absolute time (INT64_MAX: for ever). 0, -EAGAIN, -EINTR, -ETIMEDOUT. */
int os_futex_wait(uint32_t *word, uint32_t value, int64_t until);
void os_futex_wake(uint32_t *word, int count);

/* The heavy half of atomic.h's asymmetric fences; os_fence_init decides how. */
void os_fence_init(void);
void fence_heavy(void);

/* ---- threads ---- */

typedef void os_thread_function(void *arg);

/* Starts a detached thread on the given stack, all signals blocked as given by the creator. 0 or -EAGAIN, ... */
int os_thread_start(os_thread_function *fn, void *arg, void *stack, size_t stack_bytes);
int os_thread_id(void);
void os_thread_yield(void);
void os_thread_precise_timers(void);
int os_thread_signal(int tid, int signal);

/* Opens what os_thread_is_asleep reads, for the calling thread. A descriptor, or -errno. */
int os_thread_state_open(int tid);
/* Whether that thread sleeps in the kernel: 1, 0, or -errno. */
int os_thread_is_asleep(int state_fd);

/* Processors this process may use: affinity and cgroup quota, at least 1. */
int os_processors(void);

/* ---- files and the rest ---- */

int os_write_all(int fd, const char *text, size_t length);
int os_open_read(const char *path);
/* Reads a small file whole into text, zero-terminated. Bytes, or -errno. */
int os_read_file(const char *path, char *text, size_t capacity);
/* Reads `count` bytes of an open file from an offset; fewer only at its end. Bytes, or -errno. */
int64_t os_read_at(int fd, void *bytes, size_t count, uint64_t offset);
void os_close(int fd);
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
