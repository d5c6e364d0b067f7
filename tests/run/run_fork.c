/* SPDX-License-Identifier: MIT */
/*
 * After fork the child may call nothing: -ENOTRECOVERABLE, or a panic where nothing is given back.
 * The parent goes on undisturbed. That is so from the first call on that needs more than memory, also before rung_run.
 */
#include "common.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static rung_chan *chan;
static rung_waitgroup waitgroup;
static rung_mutex mutex;
static rung_rwmutex rwmutex;
static rung_sema sema;
static rung_cond cond;
static rung_timer *opened;
static rung_once once;
static rung_scope scope;
static rung_group group;

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void calls_give_errors(void)
{
    int item = 0;
    rung_timer *timer;
    rung_chan *other;
    rung_case cases[] = {RUNG_CASE_SEND(chan, &item)};
    EXPECT_EQ(rung_run(nothing, NULL), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_go(nothing, NULL), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_go_copy(nothing, &item, sizeof item), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_sleep(0), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_sleep(MS(1)), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_chan_open(&other, 1, 1), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_send(chan, &item), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_recv(chan, &item), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_try_send(chan, &item), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_try_recv(chan, &item), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_select(cases, 1), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_try_select(cases, 1), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_timer_open(&timer, 0, 0), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_waitgroup_wait(&waitgroup), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_mutex_lock_scoped(&mutex), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_rwmutex_lock_scoped(&rwmutex), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_rwmutex_read_lock_scoped(&rwmutex), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_sema_acquire(&sema, 1), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_cond_wait(&cond, &mutex), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_timer_reset(opened, 1, 0), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_timer_stop(opened), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_go_with(NULL, nothing, NULL), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_scope_error(), -ENOTRECOVERABLE);
}

static void call_yield(void)
{
    rung_yield();
}

static void call_close(void)
{
    rung_chan_close(chan);
}

static void call_scope_open(void)
{
    rung_scope_open(&scope, RUNG_FOREVER);
}

static void call_group_open(void)
{
    rung_group_open(&group, RUNG_FOREVER);
}

static void call_rwmutex_lock(void)
{
    rung_rwmutex_lock(&rwmutex);
}

static void call_sema_release(void)
{
    rung_sema_release(&sema, 1);
}

static void call_cond_signal(void)
{
    rung_cond_signal(&cond);
}

static void call_once(void)
{
    rung_once_do(&once, NULL, NULL);
}

static void call_pin(void)
{
    rung_pin();
}

static void call_blocking_begin(void)
{
    rung_blocking_begin();
}

static int in_child(void (*call)(void), int is_quiet)
{
    int status;
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        if (is_quiet)
            dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        call();
        _exit(0);
    }
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
}

static void run_gives_error(void)
{
    EXPECT_EQ(rung_run(nothing, NULL), -ENOTRECOVERABLE);
    EXPECT_EQ(rung_sleep(0), -ENOTRECOVERABLE);
}

static void *fork_in_thread(void *arg)
{
    EXPECT_EQ(in_child(calls_give_errors, 0), 0);
    return arg;
}

static int background(void *arg)
{
    (void)arg;
    while (rung_sleep(RUNG_MICROSECONDS(50)) == 0)
        rung_yield();
    return 0;
}

static int app(void *arg)
{
    static void (*const give_back_nothing[])(void) = {
        call_yield, call_close, call_scope_open, call_group_open, call_rwmutex_lock,
        call_sema_release, call_cond_signal, call_once, call_pin, call_blocking_begin};
    chan = chan_open(sizeof(int), 1);
    rung_waitgroup_add(&waitgroup, 1);
    EXPECT_EQ(rung_timer_open(&opened, RUNG_SECONDS(100), 0), 0);
    go(background, NULL);
    EXPECT_EQ(in_child(calls_give_errors, 0), 0);
    for (size_t i = 0; i < LENGTH(give_back_nothing); i++) {
        int status = in_child(give_back_nothing[i], 1);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
            test_fail(__FILE__, __LINE__, "call %zu: no panic in the child, status %#x", i, status);
    }
    thread_join(thread_start(fork_in_thread, arg));
    send_int(chan, 3);
    EXPECT_EQ(recv_int(chan), 3);
    return 0;
}

int main(void)
{
    EXPECT_EQ(rung_sleep(0), 0);
    EXPECT_EQ(in_child(run_gives_error, 0), 0);
    run_on(2, app, NULL);
    return 0;
}
