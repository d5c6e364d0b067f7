/* SPDX-License-Identifier: MIT */
/*
 * A waiter that finds zero may free the wait group at once, also where one gave up before: the call that brought it to
 * zero has no reason to look for waiters. A thread's first call into rung takes long enough to be overtaken.
 */
#include "common.h"

enum { ROUNDS = 400 };

struct round {
    rung_waitgroup *waitgroup;
    atomic_int may_end;
    int64_t at;
};

static void *done_thread(void *arg)
{
    struct round *round = arg;
    while (!atomic_load(&round->may_end))
        sched_yield();
    rung_waitgroup_done(round->waitgroup);
    return NULL;
}

/* Its memory is somebody else's now: with a bit in it that a late call would clear, and a lock that it could take. */
static const rung_waitgroup other = {{1, 0, 0}};

/* One that gave up long before the end. */
static void given_up_before(struct round *round)
{
    rung_scope scope;
    int result;
    rung_scope_open(&scope, RUNG_MICROSECONDS(100));
    EXPECT_EQ(rung_waitgroup_wait(round->waitgroup), -ETIMEDOUT);
    atomic_store(&round->may_end, 1);
    while ((result = rung_waitgroup_wait(round->waitgroup)) != 0) /* in a scope that has ended: it does not park */
        EXPECT_EQ(result, -ETIMEDOUT);
    EXPECT_EQ(rung_scope_close(&scope), -ETIMEDOUT);
}

/* Lets the thread go on some microseconds before the waiter's deadline, or after it. */
static int release(void *arg)
{
    struct round *round = arg;
    while (rung_now() < round->at)
        ;
    atomic_store(&round->may_end, 1);
    return 0;
}

/* One that gives up at the end. */
static void given_up_meanwhile(struct round *round, int64_t before_ns)
{
    rung_scope scope;
    round->at = rung_now() + RUNG_MICROSECONDS(30) - before_ns;
    rung_scope_open(&scope, RUNG_MICROSECONDS(30));
    go(release, round);
    while (rung_waitgroup_wait(round->waitgroup) != 0)
        rung_yield();
    (void)rung_scope_close(&scope);
}

static int app(void *arg)
{
    (void)arg;
    for (int i = 0; i < rounds(ROUNDS); i++) {
        rung_waitgroup waitgroup = {0};
        struct round round = { .waitgroup = &waitgroup };
        rung_waitgroup_add(&waitgroup, 1);
        pthread_t thread = thread_start(done_thread, &round);
        if (i % 2 == 0)
            given_up_before(&round);
        else
            given_up_meanwhile(&round, RUNG_MICROSECONDS(i / 2 % 40 - 10));
        waitgroup = other;
        thread_join(thread);
        EXPECT_EQ(memcmp(&waitgroup, &other, sizeof other), 0);
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
