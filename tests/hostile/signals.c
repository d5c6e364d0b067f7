/* SPDX-License-Identifier: MIT */
/*
 * A storm of signals, whose handler does not restart system calls: every sleep and wait of the runtime's is cut short
 * with EINTR, and none of its callers sees it. No sleep ends early, no timer is lost, on no kind of thread.
 */
#include "hostile.h"
#include "workload.h"

static atomic_long signals;
static atomic_bool is_over;

static void count(int signal)
{
    (void)signal;
    atomic_fetch_add(&signals, 1);
}

static void sleeps_whole(int64_t duration)
{
    int64_t start = rung_now();
    EXPECT_EQ(rung_sleep(duration), 0);
    EXPECT(rung_now() - start >= duration);
}

static int goroutine_sleeps(void *arg)
{
    for (int i = 0; i < 100; i++)
        sleeps_whole(RUNG_MICROSECONDS(i * 50));
    return arg != NULL;
}

static void *thread_sleeps(void *arg)
{
    rung_scope scope;
    while (!is_over) {
        sleeps_whole(MS(3));
        int64_t start = rung_now();
        rung_scope_open(&scope, MS(3));
        EXPECT_EQ(rung_recv(NULL, NULL), -ETIMEDOUT);
        EXPECT(rung_now() - start >= MS(3));
        EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    }
    return arg;
}

/* Signals for the process go to any thread; those for threads go to each. */
static void *thread_signals(void *arg)
{
    pid_t process = getpid();
    while (!is_over) {
        for (pid_t tid = process; tid < process + 20; tid++)
            syscall(SYS_tgkill, process, tid, SIGUSR1);
        usleep(50);
    }
    return arg;
}

static int app(void *arg)
{
    rung_group group;
    is_over = false;
    pthread_t sleeper = thread_start(thread_sleeps, NULL), signaller = thread_start(thread_signals, NULL);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 4; i++)
        group_go(&group, goroutine_sleeps, NULL);
    for (int i = 0; i < 3; i++)
        work();
    EXPECT_EQ(rung_group_wait(&group), 0);
    is_over = true;
    thread_join(sleeper);
    thread_join(signaller);
    return arg != NULL;
}

int main(void)
{
    struct sigaction action = {.sa_handler = count};
    EXPECT_EQ(sigaction(SIGALRM, &action, NULL), 0);
    EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    struct itimerval storm = {{0, 100}, {0, 100}};
    EXPECT_EQ(setitimer(ITIMER_REAL, &storm, NULL), 0);
    for (int procs = 1; procs <= 4; procs++)
        run_on(procs, app, NULL);
    while (signals <= 1000)
        run_on(2, app, NULL);
    return 0;
}
