/* SPDX-License-Identifier: MIT */
/* Signals that land anywhere, on goroutine stacks and in the scheduler, disturb nothing. */
#include "common.h"

#include <signal.h>
#include <sys/time.h>

/*
 * No atomic operation in the handler: the thread sanitizer takes one for a moment to call handlers at, and where another signal has
 * come just then it leaves all signals of the thread blocked (LLVM 14: the mask to go back to is kept in one place). A few may be
 * lost in the count.
 */
static volatile sig_atomic_t signals;
static rung_chan *forth, *back;

__attribute__((__no_sanitize__("thread"))) static void on_signal(int number)
{
    (void)number;
    int saved = errno;
    volatile char scratch[512];
    for (size_t i = 0; i < sizeof scratch; i++)
        scratch[i] = (char)i;
    signals = signals + 1;
    errno = saved;
}

static int echo(void *arg)
{
    int value;
    while (rung_recv(forth, &value) == 1)
        send_int(back, value * 3);
    return arg != NULL;
}

static int app(void *arg)
{
    (void)arg;
    forth = chan_open(sizeof(int), 0);
    back = chan_open(sizeof(int), 1);
    for (int i = 0; i < 4; i++)
        go(echo, NULL);
    for (int i = 0; signals < rounds(150); i++) {
        send_int(forth, i);
        if (i % 100 == 0)
            EXPECT_EQ(rung_sleep(20000), 0);
        EXPECT_EQ(recv_int(back), i * 3);
    }
    rung_chan_close(forth);
    return 0;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    EXPECT_EQ(sigaction(SIGALRM, &action, NULL), 0);
    EXPECT_EQ(sigaction(SIGPROF, &action, NULL), 0);
    struct itimerval fast = {{0, 1000}, {0, 1000}}, none = {{0, 0}, {0, 0}};
    for (int procs = 1; procs <= 3; procs += 2) {
        signals = 0;
        EXPECT_EQ(setitimer(ITIMER_REAL, &fast, NULL), 0);
        EXPECT_EQ(setitimer(ITIMER_PROF, &fast, NULL), 0);
        run_on(procs, app, NULL);
        rung_chan_free(forth);
        rung_chan_free(back);
        EXPECT_EQ(setitimer(ITIMER_REAL, &none, NULL), 0);
        EXPECT_EQ(setitimer(ITIMER_PROF, &none, NULL), 0);
    }
    return 0;
}
