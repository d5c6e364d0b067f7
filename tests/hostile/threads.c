/* SPDX-License-Identifier: MIT */
/*
 * RLIMIT_NPROC: rung_run says -EAGAIN where it can have no thread; with one it does everything, one after the
 * other; what needs a second waits until there is one, and then goes on. Nothing is lost.
 */
#include "hostile.h"
#include "workload.h"

enum { MAIN_AND_MONITOR = 2, LEAST = 3 };

static int nothing(void *arg)
{
    return arg != NULL;
}

/* Neither the monitor, nor a thread for goroutines; afterwards the same process may have them. */
static void none(void)
{
    become_nobody();
    for (rlim_t threads = 1; threads <= MAIN_AND_MONITOR; threads++) {
        limit(RLIMIT_NPROC, threads);
        for (int i = 0; i < 3; i++)
            EXPECT_EQ(rung_run(nothing, NULL), -EAGAIN);
    }
    limit(RLIMIT_NPROC, 100);
    EXPECT_EQ(rung_run(work_app, NULL), 0);
}

static int with_few(void *arg)
{
    rung_statistics statistics;
    work();
    rung_statistics_read(&statistics);
    EXPECT(statistics.threads <= (uint32_t)(uintptr_t)arg);
    return 0;
}

static void few(void)
{
    become_nobody();
    for (size_t more = 0; more < 3; more++) {
        limit(RLIMIT_NPROC, LEAST + more);
        run_on(4, with_few, (void *)(1 + more));
    }
    limit(RLIMIT_NPROC, 100);
    run_on(4, work_app, NULL);
}

/* ---- what needs a second thread ---- */

static int pipe_fds[2];

static void relent(int signal)
{
    (void)signal;
    setrlimit(RLIMIT_NPROC, &(struct rlimit){100, 100});
}

static void relent_in_50_ms(void)
{
    signal(SIGALRM, relent);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 50000}, NULL);
}

static int writes(void *arg)
{
    EXPECT_EQ(write(pipe_fds[1], "x", 1), 1);
    return arg != NULL;
}

static int blocks_until_written(void *arg)
{
    char item;
    go(writes, arg);
    relent_in_50_ms();
    ssize_t got = read(pipe_fds[0], &item, 1);
    while (got < 0 && errno == EINTR)
        got = read(pipe_fds[0], &item, 1);
    EXPECT_EQ(got, 1);
    return 0;
}

static int parks_pinned(void *arg)
{
    rung_pin();
    relent_in_50_ms();
    for (int i = 0; i < 10; i++)
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    rung_unpin();
    return arg != NULL;
}

static void waits_for_a_thread(rung_function *fn)
{
    become_nobody();
    limit(RLIMIT_NPROC, LEAST);
    run_on(2, fn, NULL);
}

static void blocked(void)
{
    EXPECT_EQ(pipe(pipe_fds), 0);
    waits_for_a_thread(blocks_until_written);
}

static void pinned(void)
{
    waits_for_a_thread(parks_pinned);
}

int main(void)
{
    passes(none);
    passes(few);
    passes(blocked);
    passes(pinned);
    return 0;
}
