/* SPDX-License-Identifier: MIT */
/*
 * Dumps from goroutines, plain threads and signal handlers, while others run, park, block in the kernel
 * and end: always whole, never stuck. A bad descriptor is -EBADF.
 */
#include "common.h"

#include <fcntl.h>
#include <signal.h>

static int null_fd, pipe_ends[2];
static atomic_int is_over;
static atomic_int handled;

static void on_signal(int number)
{
    (void)number;
    int saved = errno;
    if (rung_dump(null_fd) != 0)
        _exit(1);
    atomic_fetch_add(&handled, 1);
    errno = saved;
}

static int short_lived(void *arg)
{
    (void)arg;
    rung_yield();
    return 0;
}

static int busy(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over)) {
        (void)rung_go(short_lived, NULL);
        (void)rung_sleep(RUNG_MICROSECONDS(50));
        for (int i = 0; i < 20; i++)
            rung_yield();
    }
    return 0;
}

static int computes(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over))
        continue;
    return 0;
}

static int reads(void *arg)
{
    (void)arg;
    char byte;
    EXPECT_EQ(read(pipe_ends[0], &byte, 1), 1);
    return 0;
}

static void *dumps(void *arg)
{
    for (int i = 0; i < 30; i++)
        EXPECT_EQ(rung_dump(null_fd), 0);
    return arg;
}

static int app(void *arg)
{
    rung_group group;
    atomic_store(&is_over, 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 6; i++)
        group_go(&group, busy, NULL);
    group_go(&group, computes, NULL);
    group_go(&group, reads, NULL);
    pthread_t first = thread_start(dumps, arg), second = thread_start(dumps, arg);
    for (int i = 0; i < 40; i++) {
        EXPECT_EQ(rung_dump(null_fd), 0);
        EXPECT_EQ(kill(getpid(), SIGUSR1), 0); /* lands on some thread */
        rung_yield();
    }
    thread_join(first);
    thread_join(second);
    EXPECT_EQ(rung_dump(-1), -EBADF);
    atomic_store(&is_over, 1);
    EXPECT_EQ(write(pipe_ends[1], "x", 1), 1);
    EXPECT_EQ(rung_group_wait(&group), 0);
    while (!IS_TSAN && atomic_load(&handled) == 0)
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    return 0;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    null_fd = open("/dev/null", O_WRONLY);
    EXPECT(null_fd >= 0);
    EXPECT_EQ(pipe(pipe_ends), 0);
    run_on(1, app, NULL);
    run_on(3, app, NULL);
    return 0;
}
