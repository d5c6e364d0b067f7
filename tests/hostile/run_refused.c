/* SPDX-License-Identifier: MIT */
/* A plain thread starts goroutines while rung_run gets no thread and gives up: none of those is lost, or counted wrong. */
#include "hostile.h"

enum { RUNS = 300, MAIN_STARTER_AND_MONITOR = 3 };

static atomic_int is_over;
static atomic_long started, ended;

static int ends(void *arg)
{
    atomic_fetch_add(&ended, 1);
    return arg != NULL;
}

static void *starter(void *arg)
{
    while (!atomic_load(&is_over)) {
        int error = rung_go(ends, NULL);
        EXPECT(error == 0 || error == -ESRCH || error == -ECANCELED || error == -ENOMEM);
        if (error == 0)
            atomic_fetch_add(&started, 1);
    }
    return arg;
}

static int app(void *arg)
{
    return arg != NULL;
}

/* With work to do rung_run stays, and waits for a thread. */
static void relent(int signal)
{
    (void)signal;
    setrlimit(RLIMIT_NPROC, &(struct rlimit){100, 100});
}

int main(void)
{
    become_nobody();
    pthread_t thread = thread_start(starter, NULL);
    limit(RLIMIT_NPROC, MAIN_STARTER_AND_MONITOR);
    signal(SIGALRM, relent);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {.tv_usec = 500000}}, NULL);
    for (int i = 0; i < rounds(RUNS); i++) {
        int result = rung_run(app, NULL);
        EXPECT(result == -EAGAIN || result == 0);
    }
    limit(RLIMIT_NPROC, 100);
    atomic_store(&is_over, 1);
    thread_join(thread);
    EXPECT_EQ(rung_run(app, NULL), 0);
    EXPECT_EQ(ended, started);
    return 0;
}
