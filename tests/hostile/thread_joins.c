/* SPDX-License-Identifier: MIT */
/*
 * A plain thread's first call, while a thread that has just been started is at work on the same channel with the only
 * processor: the one is done before the other begins, also while the starter has yet to tell of that thread.
 */
#include "hostile.h"

#include <dlfcn.h>

enum { BYTES = 65536, TRIALS = 8, THEIRS = 0xff, OURS = 1 };

static rung_chan *chan;
static unsigned char ours[BYTES], theirs[BYTES];
static atomic_int is_starting, sender, may_join, has_joined;

/* Until somebody has joined, or that takes long: it does where he has to wait for us. */
static void delay(int most_ms)
{
    for (int i = 0; i < most_ms && !atomic_load(&has_joined); i++)
        usleep(1000);
}

/* In the place of libc's, for the library too. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    int error = create(thread, attributes, fn, arg);
    if (atomic_load(&is_starting))
        delay(400);
    return error;
}

/* Most likely amidst the copying of an item. */
static void on_signal(int signal)
{
    (void)signal;
    atomic_store(&may_join, 1);
    delay(100);
}

static void *joins(void *arg)
{
    while (!atomic_load(&may_join))
        usleep(100);
    EXPECT_EQ(rung_try_send(chan, theirs), 0);
    atomic_store(&has_joined, 1);
    return arg;
}

/* Whose item it is that comes out, whole. */
static int receive(void)
{
    static unsigned char item[BYTES];
    EXPECT_EQ(rung_try_recv(chan, item), 1);
    for (size_t i = 1; i < BYTES; i++)
        EXPECT_EQ(item[i], item[0]);
    return item[0];
}

static int sends(void *arg)
{
    atomic_store(&sender, (int)syscall(SYS_gettid));
    for (;;) {
        EXPECT_EQ(rung_try_send(chan, ours), 0);
        if (atomic_load(&may_join))
            break;
        EXPECT_EQ(rung_try_recv(chan, NULL), 1);
    }
    while (!atomic_load(&has_joined))
        usleep(1000);
    EXPECT_EQ(rung_chan_length(chan), 2);
    EXPECT_EQ(receive() + receive(), OURS + THEIRS);
    return arg != NULL;
}

/* Stays in the kernel, so that its processor goes to another thread. */
static int app(void *arg)
{
    go(sends, arg);
    atomic_store(&is_starting, 1);
    while (atomic_load(&sender) == 0)
        usleep(1000);
    EXPECT_EQ(syscall(SYS_tgkill, getpid(), atomic_load(&sender), SIGUSR1), 0);
    while (!atomic_load(&has_joined))
        usleep(1000);
    return 0;
}

static void trial(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
    EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    memset(ours, OURS, sizeof ours);
    memset(theirs, THEIRS, sizeof theirs);
    chan = chan_open(BYTES, 4);
    pthread_t thread = thread_start(joins, NULL);
    run_on(1, app, NULL);
    thread_join(thread);
}

int main(void)
{
    for (int i = 0; i < rounds(TRIALS); i++) { /* each needs a thread that never ran */
        pid_t child = fork();
        int status;
        EXPECT(child >= 0);
        if (child == 0) {
            trial();
            _Exit(0);
        }
        EXPECT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    return 0;
}
