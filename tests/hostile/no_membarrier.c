/* SPDX-License-Identifier: MIT */
/*
 * A kernel without membarrier(2), or a sandbox that forbids it: fences do it, and everything works on 1 to 4
 * processors: hand-over, mutexes, channels, timers, plain threads.
 */
#include "hostile.h"
#include "workload.h"

enum { SENT = 3000 };

static rung_chan *from_thread;
static long locked; /* under work_mutex */

static void *sends(void *arg)
{
    for (int i = 1; i <= SENT; i++) {
        rung_mutex_lock(&work_mutex);
        locked++;
        rung_mutex_unlock(&work_mutex);
        send_int(from_thread, i);
    }
    return arg;
}

static int receives(void *arg)
{
    long sum = 0;
    for (int i = 0; i < 2 * SENT; i++) {
        rung_mutex_lock(&work_mutex);
        locked++;
        rung_mutex_unlock(&work_mutex);
        sum += recv_int(from_thread);
    }
    EXPECT_EQ(sum, (long)SENT * (SENT + 1));
    return arg != NULL;
}

static atomic_bool has_run;

static int runs_beside(void *arg)
{
    has_run = true;
    return arg != NULL;
}

/* With one processor, that has to be taken from this one. */
static void be_overtaken(void)
{
    has_run = false;
    go(runs_beside, NULL);
    while (!has_run)
        continue;
}

static int app(void *arg)
{
    rung_statistics before, after;
    rung_group group;
    rung_statistics_read(&before);
    EXPECT_EQ(before.membarrier, 0);
    from_thread = chan_open(sizeof(int), 1);
    locked = 0;
    pthread_t first = thread_start(sends, NULL), second = thread_start(sends, NULL);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, receives, NULL);
    for (int i = 0; i < 3; i++)
        work();
    EXPECT_EQ(rung_group_wait(&group), 0);
    thread_join(first);
    thread_join(second);
    EXPECT_EQ(locked, 4 * SENT);
    rung_chan_free(from_thread);
    be_overtaken();
    rung_statistics_read(&after);
    EXPECT(after.hand_overs > before.hand_overs || after.processors > 1);
    return arg != NULL;
}

static void runs(int error)
{
    refuse(__NR_membarrier, -1, 0, error);
    for (int procs = 1; procs <= 4; procs++)
        run_on(procs, app, NULL);
}

static void is_unknown(void)
{
    runs(ENOSYS);
}

static void is_forbidden(void)
{
    runs(EPERM);
}

int main(void)
{
    passes(is_unknown);
    passes(is_forbidden);
    return 0;
}
