/* SPDX-License-Identifier: MIT */
/* SIGQUIT shows what is parked: ThreadSanitizer lets the handler run, although all threads sleep in futex(2).
 * test-presets: tsan
 * expect-status: 2
 * expect-stderr: goroutine 1 \[sleep
 * expect-stderr: receiving_goroutine
 * expect-stderr: \[chan receive
 */
#include "run/common.h"

#include <signal.h>

static int receiving_goroutine(void *chan)
{
    int value;
    return rung_recv(chan, &value);
}

/* When all else sleeps, and not to this thread. */
static void *signals_later(void *arg)
{
    sigset_t quit;
    bool is_asleep = false;
    (void)arg;
    sigemptyset(&quit);
    sigaddset(&quit, SIGQUIT);
    EXPECT_EQ(pthread_sigmask(SIG_BLOCK, &quit, NULL), 0);
    while (!is_asleep) {
        char *dump = dump_text();
        is_asleep = strstr(dump, "goroutine 1 [sleep") != NULL;
        free(dump);
        usleep(100000);
    }
    kill(getpid(), SIGQUIT);
    return NULL;
}

static int app(void *arg)
{
    rung_chan *chan = chan_open(sizeof(int), 0);
    (void)arg;
    go(receiving_goroutine, chan);
    wait_parked("chan receive", 1);
    (void)thread_start(signals_later, NULL);
    EXPECT_EQ(rung_sleep(RUNG_SECONDS(1000)), 0);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL);
}
