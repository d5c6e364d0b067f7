/* SPDX-License-Identifier: MIT */
/*
 * common.h: what many of these tests share: running on a number of processors, calls that must not
 * fail, waiting until goroutines have parked, plain threads. Include it first.
 */
#ifndef COMMON_H
#define COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <pthread.h>
#include <rung.h>
#include <rung_debug.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])
#define MS(n)         RUNG_MILLISECONDS(n)

/* n rounds, or 20 times as many with RUNG_TEST_LONG=1. */
static inline int rounds(int n)
{
    const char *is_long = getenv("RUNG_TEST_LONG");
    return is_long != NULL && is_long[0] == '1' ? 20 * n : n;
}

/* A whole rung_run on so many processors. */
static inline void run_on(int procs, rung_function *fn, void *arg)
{
    char text[16];
    snprintf(text, sizeof text, "%d", procs);
    setenv("RUNG_PROCS", text, 1);
    EXPECT_EQ(rung_run(fn, arg), 0);
}

/* Whether pc lies in the function, whose name link-time optimisation may have given a suffix. */
static inline int is_in(uintptr_t pc, const char *function)
{
    char name[100];
    size_t length = strlen(function);
    (void)rung_symbol(pc, name, sizeof name);
    return strncmp(name, function, length) == 0 && (name[length] == '+' || name[length] == '.');
}

static inline void go(rung_function *fn, void *arg)
{
    EXPECT_EQ(rung_go(fn, arg), 0);
}

/* The i-th of a mix of calls that let others run; the last of three sends on `chan`, or receives. */
static inline void let_others_run(int i, rung_chan *chan, int sends)
{
    if (i % 3 == 0)
        rung_yield();
    else if (i % 3 == 1)
        EXPECT_EQ(rung_sleep(1000), 0);
    else
        EXPECT(sends ? rung_send(chan, NULL) == 0 : rung_recv(chan, NULL) == 1);
}

static inline void group_go(rung_group *group, rung_function *fn, void *arg)
{
    EXPECT_EQ(rung_group_go(group, fn, arg), 0);
}

static inline rung_chan *chan_open(size_t item_size, size_t capacity)
{
    rung_chan *chan = NULL;
    EXPECT_EQ(rung_chan_open(&chan, item_size, capacity), 0);
    EXPECT(chan != NULL);
    return chan;
}

static inline void send_int(rung_chan *chan, int value)
{
    EXPECT_EQ(rung_send(chan, &value), 0);
}

static inline int recv_int(rung_chan *chan)
{
    int value = -1;
    EXPECT_EQ(rung_recv(chan, &value), 1);
    return value;
}

static inline pthread_t thread_start(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    EXPECT_EQ(pthread_create(&thread, NULL, fn, arg), 0);
    return thread;
}

static inline void thread_join(pthread_t thread)
{
    EXPECT_EQ(pthread_join(thread, NULL), 0);
}

/* A whole dump as text; to be freed. */
static inline char *dump_text(void)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    EXPECT(fd >= 0);
    EXPECT_EQ(rung_dump(fd), 0);
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    EXPECT(text != NULL);
    EXPECT_EQ(pread(fd, text, (size_t)size, 0), size);
    close(fd);
    return text;
}

/*
 * How many goroutines a dump shows in a state that begins so: 'goroutine 7 "name" [select, 2 ms]:', or
 * "goroutines 7, 8, 9 and 4 more [...]:" where equal stacks were merged.
 */
static inline int dump_count(const char *dump, const char *state)
{
    int count = 0;
    for (const char *line = dump; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t length = strcspn(line, "\n");
        const char *open = memchr(line, '[', length);
        if (strncmp(line, "goroutine", 9) != 0 || open == NULL ||
            strncmp(open + 1, state, strlen(state)) != 0)
            continue;
        count++;
        for (const char *at = line; at < open; at++) {
            count += *at == ',';
            if (strncmp(at, " and ", 5) == 0)
                count += atoi(at + 5);
        }
    }
    return count;
}

/*
 * Waits until so many goroutines are parked for that reason. It orders nothing: a dump looks past all locks, so what
 * those goroutines have written, a scope for one, is not the caller's to use before an atomic has said so.
 */
static inline void wait_parked(const char *reason, int count)
{
    for (;;) { /* at the test's time-out there is a dump of all */
        char *dump = dump_text();
        int parked = dump_count(dump, reason);
        free(dump);
        if (parked >= count)
            return;
        (void)rung_sleep(RUNG_MICROSECONDS(200));
    }
}

#endif
