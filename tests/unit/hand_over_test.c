/* SPDX-License-Identifier: MIT */
/* A processor that is taken while its goroutine enters the runtime is either gone for it or not taken at all. */
#include <pthread.h>
#include <string.h>

#include "../test.h"
#include "sched/park.h"

enum { WORKERS = 4, TAKES = 2000, LINE = 128, COLD_LINES = 1 << 19, COLD_STORES = 12, PROCS = 2 };
#define LONGEST_NS INT64_C(3000000000) /* on a busy machine it is seldom the moment to take */

static uint32_t is_over;
static uint64_t yields;
static char *lines; /* more than a cache holds */

/* Stores to lines that no cache holds go before that of in_runtime: for as long as they take, nobody sees it. */
static int worker(void *arg)
{
    uint64_t seed = test_seed() + (uintptr_t)arg;
    while (!atomic_load_relaxed(&is_over)) {
        for (int i = 0; i < COLD_STORES; i++)
            atomic_store_relaxed(&lines[test_random(&seed) % COLD_LINES * LINE], 2);
        rung_yield();
        atomic_add_relaxed(&yields, 1);
    }
    return 0;
}

/* Does what sysmon does to hogs and sleepers, all the time. */
static void *taker(void *arg)
{
    int64_t end = os_now() + LONGEST_NS;
    int64_t wanted = test_scaled(TAKES);
    for (int64_t taken = 0, i = 0; taken < wanted && (os_now() < end || taken == 0 || atomic_load_relaxed(&yields) == 0); i++) {
        struct p *p = &sched.p[i % PROCS];
        if (sysmon_take(p)) {
            p_hand_over(p);
            taken++;
        }
    }
    atomic_store_relaxed(&is_over, 1);
    return arg;
}

static int app(void *arg)
{
    pthread_t thread;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < WORKERS; i++)
        EXPECT_EQ(rung_group_go(&group, worker, (void *)i), 0);
    EXPECT_EQ(pthread_create(&thread, NULL, taker, arg), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    return 0;
}

int main(void)
{
    lines = aligned_alloc(LINE, (size_t)COLD_LINES * LINE);
    EXPECT(lines != NULL);
    memset(lines, 1, (size_t)COLD_LINES * LINE); /* a page fault would be a fence */
    setenv("RUNG_PROCS", "2", 1);
    sched.sysmon_started = 1; /* it is not: one taker only */
    EXPECT_EQ(rung_run(app, NULL), 0);
    EXPECT(yields > 0 && sched.hand_overs > 0);
    free(lines);
    return 0;
}
