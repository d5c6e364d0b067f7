/* SPDX-License-Identifier: MIT */
/* Signals come through a channel, to all who asked; and do again what they did before, after a stop and after rung_run. */
#include "net.h"

#include <rung_process.h>
#include <signal.h>

static volatile sig_atomic_t old_handler_ran;

static void old_handler(int signal)
{
    (void)signal;
    old_handler_ran++;
}

static int app(void *arg)
{
    static const int signals[] = { SIGTERM, SIGUSR1, SIGHUP };
    static const int refused[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGURG, 0, -1, 65, 33 };
    rung_chan *chan = arg, *other = chan_open(sizeof(int), 1), *wrong = chan_open(8, 1);
    for (size_t i = 0; i < LENGTH(refused); i++)
        EXPECT_EQ(rung_signal_notify(chan, &refused[i], 1), -EINVAL);
    EXPECT_EQ(rung_signal_notify(wrong, signals, 1), -EINVAL);
    EXPECT_EQ(rung_signal_notify(NULL, signals, 1), -EINVAL);
    EXPECT_EQ(rung_signal_notify(chan, NULL, 1), -EINVAL);
    EXPECT_EQ(rung_signal_notify(chan, signals, -1), -EINVAL);
    EXPECT_EQ(rung_signal_notify(chan, signals, 2), 0);
    EXPECT_EQ(rung_signal_notify(chan, &signals[2], 1), 0);
    EXPECT_EQ(rung_signal_notify(other, &signals[1], 1), 0);
    for (int round = 0; round < 100; round++) {
        EXPECT_EQ(kill(getpid(), SIGTERM), 0);
        EXPECT_EQ(recv_int(chan), SIGTERM);
    }
    EXPECT_EQ(kill(getpid(), SIGUSR1), 0);
    EXPECT_EQ(recv_int(chan), SIGUSR1);
    EXPECT_EQ(recv_int(other), SIGUSR1);
    EXPECT_EQ(old_handler_ran, 0);
    rung_signal_stop(other);
    EXPECT_EQ(kill(getpid(), SIGUSR1), 0);
    EXPECT_EQ(recv_int(chan), SIGUSR1);
    EXPECT_EQ(rung_chan_length(other), 0);
    rung_signal_stop(chan);
    EXPECT_EQ(kill(getpid(), SIGUSR1), 0);
    while (old_handler_ran == 0)
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT_EQ(rung_signal_notify(chan, &signals[1], 1), 0);
    rung_chan_free(other);
    rung_chan_free(wrong);
    return 0; /* chan goes on asking, until rung_run ends */
}

/* The last thing that it does; nobody is told of it any more. */
static int end_with_signal(void *arg)
{
    static const int signals[] = { SIGUSR1 };
    EXPECT_EQ(rung_signal_notify(arg, signals, 1), 0);
    return raise(SIGUSR1);
}

/* Who asks hears of what comes from then on, and not of what came before. */
static int ask_late(void *arg)
{
    static const int signals[] = { SIGUSR1 };
    rung_chan *early = chan_open(sizeof(int), 1);
    EXPECT_EQ(rung_signal_notify(early, signals, 1), 0);
    EXPECT_EQ(raise(SIGUSR1), 0);
    EXPECT_EQ(rung_signal_notify(arg, signals, 1), 0);
    EXPECT_EQ(recv_int(early), SIGUSR1);
    EXPECT_EQ(rung_sleep(MS(20)), 0);
    EXPECT_EQ(rung_chan_length(arg), 0);
    rung_signal_stop(early);
    rung_chan_free(early);
    return 0;
}

static void stale(rung_chan *chan)
{
    int signal;
    run_on(1, end_with_signal, chan);
    (void)rung_try_recv(chan, &signal);
    EXPECT_EQ(rung_chan_length(chan), 0);
    run_on(1, ask_late, chan);
}

int main(void)
{
    static const int signals[] = { SIGUSR1 };
    if (IS_TSAN)
        SKIP("the thread sanitizer holds signals back from threads that sleep in the kernel");
    EXPECT(signal(SIGUSR1, old_handler) == SIG_DFL);
    rung_chan *chan = chan_open(sizeof(int), 4);
    EXPECT_EQ(rung_signal_notify(chan, signals, 1), -ESRCH);
    for (int procs = 1; procs <= 2; procs++) {
        old_handler_ran = 0;
        run_on(procs, app, chan);
        EXPECT_EQ(old_handler_ran, 1);
        raise(SIGUSR1);
        EXPECT_EQ(old_handler_ran, 2);
    }
    stale(chan);
    rung_chan_free(chan);
    return 0;
}
