/* SPDX-License-Identifier: MIT */
/*
 * Where no further thread is to be had, it is not asked for at every turn: what is runnable runs on at
 * full speed, and the monitor asks about once in a millisecond.
 */
#include "hostile.h"

#include <dlfcn.h>

enum { MONITOR_AND_ONE = 2 };

static atomic_int attempts, started, most = MONITOR_AND_ONE;

/* In the place of libc's, for the library too: it is in an archive. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    atomic_fetch_add(&attempts, 1);
    if (started >= most)
        return EAGAIN;
    atomic_fetch_add(&started, 1);
    return create(thread, attributes, fn, arg);
}

static int answers(void *arg)
{
    rung_chan **chans = arg;
    int item;
    while (rung_recv(chans[0], &item) == 1)
        send_int(chans[1], item);
    return 0;
}

static int app(void *arg)
{
    rung_chan *chans[2] = {chan_open(sizeof(int), 0), chan_open(sizeof(int), 0)};
    struct timespec time = {0, 200000000};
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, answers, chans);
    group_go(&group, answers, chans);
    int64_t start = rung_now();
    attempts = 0;
    for (int i = 0; i < 50000; i++) { /* each makes a goroutine ready while three processors idle */
        send_int(chans[0], i);
        EXPECT_EQ(recv_int(chans[1]), i);
    }
    rung_yield();
    send_int(chans[0], 1);
    do
        nanosleep(&time, NULL); /* work waits meanwhile */
    while (attempts == 0);
    int64_t elapsed = rung_now() - start;
    if (attempts > elapsed / MS(1) + 20)
        test_fail(__FILE__, __LINE__, "%d attempts in %d ms", attempts, (int)(elapsed / MS(1)));
    most = 100;
    EXPECT_EQ(recv_int(chans[1]), 1);
    rung_chan_close(chans[0]);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_chan_free(chans[0]);
    rung_chan_free(chans[1]);
    return arg != NULL;
}

int main(void)
{
    run_on(4, app, NULL);
    return 0;
}
