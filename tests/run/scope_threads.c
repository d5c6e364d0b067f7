/* SPDX-License-Identifier: MIT */
/*
 * Scopes and groups on plain threads: deadlines end parking calls before, during and between runs; others may cancel;
 * a group that a thread opened runs goroutines, ends them at its deadline, and is waited for.
 */
#include "common.h"

static void *deadlines(void *arg)
{
    rung_scope outer, inner, shield;
    rung_chan *chan = chan_open(sizeof(int), 1);
    rung_scope_open(&outer, RUNG_SECONDS(1000)); /* far off */
    EXPECT_EQ(rung_scope_error(), 0);
    EXPECT_EQ(rung_sleep(MS(1)), 0);
    send_int(chan, 1);
    EXPECT_EQ(recv_int(chan), 1);
    EXPECT_EQ(rung_scope_close(&outer), 0);
    int64_t start = rung_now();
    rung_scope_open(&outer, MS(100));
    rung_scope_open(&inner, RUNG_SECONDS(1000));
    EXPECT_EQ(rung_recv(chan, NULL), -ETIMEDOUT);
    EXPECT(rung_now() - start >= MS(100));
    EXPECT_EQ(rung_sleep(MS(1)), -ETIMEDOUT);
    rung_shield_open(&shield, RUNG_SECONDS(1000));
    send_int(chan, 2);
    EXPECT_EQ(rung_scope_close(&shield), 0);
    rung_shield_open(&shield, MS(30));
    EXPECT_EQ(rung_send(chan, &start), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_close(&shield), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_close(&inner), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_close(&outer), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_error(), 0);

    rung_scope_open(&outer, MS(3));
    EXPECT_EQ(rung_sleep(RUNG_SECONDS(1000)), -ETIMEDOUT);
    EXPECT_EQ(rung_scope_close(&outer), -ETIMEDOUT);
    rung_scope_open(&outer, MS(3));
    while (rung_scope_error() == 0) /* noticed by a loop that only computes */
        continue;
    EXPECT_EQ(rung_scope_close(&outer), -ETIMEDOUT);
    rung_chan_free(chan);
    return arg;
}

static atomic_bool is_open;

static void *waits(void *scope)
{
    rung_scope_open(scope, RUNG_FOREVER);
    is_open = true;
    EXPECT_EQ(rung_recv(NULL, NULL), -ECANCELED);
    EXPECT_EQ(rung_scope_close(scope), -ECANCELED);
    return NULL;
}

static void cancel(void)
{
    static rung_scope scope;
    pthread_t thread = thread_start(waits, &scope);
    while (!is_open)
        usleep(1000);
    rung_scope_cancel(&scope); /* as it waits, or is about to */
    thread_join(thread);
    is_open = false;
}

static int parks(void *arg)
{
    EXPECT(rung_recv(NULL, NULL) < 0);
    return arg != NULL;
}

static int fails(void *arg)
{
    (void)arg;
    return -EIO;
}

static void *groups(void *arg)
{
    rung_group group;
    int64_t start = rung_now();
    rung_group_open(&group, MS(20));
    for (int i = 0; i < 10; i++)
        (void)rung_group_go(&group, parks, NULL); /* unless that comes too late */
    EXPECT_EQ(rung_group_wait(&group), -ETIMEDOUT);
    EXPECT(rung_now() - start >= MS(20));
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, parks, NULL);
    group_go(&group, fails, NULL);
    EXPECT_EQ(rung_recv(NULL, NULL), -ECANCELED);
    EXPECT_EQ(rung_group_wait(&group), -EIO);
    return arg;
}

static int app(void *arg)
{
    pthread_t threads[] = {thread_start(deadlines, arg), thread_start(groups, arg)};
    cancel();
    thread_join(threads[0]);
    thread_join(threads[1]);
    return 0;
}

static int nothing(void *arg)
{
    return arg != NULL;
}

static atomic_bool is_over;

static void *short_deadlines(void *arg)
{
    rung_scope scope;
    for (int i = 0; !is_over; i++) {
        rung_scope_open(&scope, RUNG_MICROSECONDS(20 + i % 200));
        EXPECT_EQ(rung_recv(NULL, NULL), -ETIMEDOUT);
        EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
    }
    return arg;
}

int main(void)
{
    rung_group group;
    deadlines(NULL);
    cancel();
    rung_group_open(&group, RUNG_SECONDS(1000));
    EXPECT_EQ(rung_group_go(&group, parks, NULL), -ESRCH);
    EXPECT_EQ(rung_group_wait(&group), 0); /* at once: nobody is in it */
    for (int procs = 1; procs <= 3; procs++)
        run_on(procs, app, NULL);
    deadlines(NULL);
    cancel();

    pthread_t thread = thread_start(short_deadlines, NULL); /* they pass as runs begin and end */
    for (int i = 0; i < 2000; i++)
        run_on(1 + i % 4, nothing, NULL);
    is_over = true;
    thread_join(thread);
    return 0;
}
