/* SPDX-License-Identifier: MIT */
/*
 * A select without a channel that its scope ends as soon as it parks: by the time that the goroutine goes on, on
 * another thread, the one that it parked on is done with its frame. ThreadSanitizer sees it each time if not;
 * elsewhere it is fatal now and then.
 */
#include "common.h"

enum { ROUNDS = 1000, PROCS = 2, DIRT = 2048 };

static rung_scope scope;
static atomic_int opened, cancelled, last; /* rounds */
static atomic_int parked_on;               /* the thread */

/*
 * One for each processor, which so is never without work: no lock orders what it does before what the other does.
 * That on which the goroutine has parked leaves it to the other.
 */
static int keeps_busy(void *arg)
{
    while (atomic_load(&cancelled) < last)
        if (atomic_load(&parked_on) == gettid())
            sched_yield();
        else
            rung_yield();
    return arg != NULL;
}

/* What lies where rung_select's frames were. */
__attribute__((__noinline__)) static void dirty_stack(void)
{
    char dirt[DIRT];
    memset(dirt, 0x5a, sizeof dirt);
    __asm__ volatile("" : : "r"(dirt) : "memory"); /* it is wanted */
}

static int selects(void *arg)
{
    for (int round = 1; round <= last; round++) {
        rung_case nothing = RUNG_CASE_RECV(NULL, NULL);
        rung_scope_open(&scope, RUNG_FOREVER);
        atomic_store(&parked_on, gettid());
        atomic_store(&opened, round);
        EXPECT_EQ(rung_select(&nothing, (size_t)round % 2), -ECANCELED);
        atomic_store(&parked_on, 0);
        dirty_stack();
        while (atomic_load(&cancelled) < round)
            rung_yield();
        EXPECT_EQ(rung_scope_close(&scope), -ECANCELED);
    }
    return arg != NULL;
}

static void *cancels(void *arg)
{
    uint64_t state = test_seed();
    for (int round = 1; round <= last; round++) {
        while (atomic_load(&opened) < round)
            sched_yield();
        for (uint64_t spin = test_random(&state) % 1000; spin > 0; spin--)
            (void)atomic_load(&opened);
        rung_scope_cancel(&scope);
        atomic_store(&cancelled, round);
    }
    return arg;
}

static int app(void *arg)
{
    rung_group group;
    pthread_t thread = thread_start(cancels, NULL);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < PROCS; i++)
        group_go(&group, keeps_busy, arg);
    group_go(&group, selects, arg);
    EXPECT_EQ(rung_group_wait(&group), 0);
    thread_join(thread);
    return 0;
}

int main(void)
{
    last = rounds(ROUNDS);
    run_on(PROCS, app, NULL);
    return 0;
}
