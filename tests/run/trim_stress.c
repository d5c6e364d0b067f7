/* SPDX-License-Identifier: MIT */
/*
 * Goroutines are woken in the very moment in which their stacks are trimmed: by channels, timers, scopes and a plain
 * thread, on one processor and on several. Each goes deep at once, and finds what it has written there. No wake is lost.
 *
 * test-environment: RUNG_TRIM=1
 * test-timeout: 120
 */
#include "common.h"

enum { GOROUTINES = 64, LEVELS = 24, LEVEL_BYTES = 2048, ROUNDS = 150 };

static rung_chan *chans[GOROUTINES];
static atomic_int alive;

/* Fills a frame at each level, and finds each as it was left. */
__attribute__((__noinline__)) static void deep(int levels, uint32_t number)
{
    volatile uint32_t words[LEVEL_BYTES / 4];
    for (uint32_t i = 0; i < LENGTH(words); i++)
        words[i] = number + i;
    if (levels > 0)
        deep(levels - 1, number + 1);
    for (uint32_t i = 0; i < LENGTH(words); i++)
        EXPECT_EQ(words[i], number + i);
}

/* Some 1 to 2 ms, when sysmon's clock says that the park is long. */
static int64_t a_while(uint64_t *seed)
{
    return MS(1) + (int64_t)(test_random(seed) % 1000) * 1000;
}

static void wait_in_scope(rung_chan *chan, uint64_t *seed)
{
    rung_scope scope;
    int item = 0;
    rung_scope_open(&scope, a_while(seed));
    int result = rung_recv(chan, &item);
    EXPECT(result == 1 || result == -ETIMEDOUT);
    rung_scope_close(&scope);
}

static void wait_in_chan(rung_chan *chan)
{
    int item = 0;
    EXPECT(rung_recv(chan, &item) == 1);
}

static int sleeper(void *arg)
{
    rung_chan **chan = arg;
    uint64_t seed = test_seed() + (uint64_t)(chan - chans);
    for (int i = 0; i < rounds((int)test_scaled(ROUNDS)); i++) {
        deep(LEVELS, (uint32_t)i);
        switch (test_random(&seed) % 3) {
        case 0: EXPECT_EQ(rung_sleep(a_while(&seed)), 0); break;
        case 1: wait_in_scope(*chan, &seed); break;
        default: wait_in_chan(*chan); break;
        }
    }
    alive--;
    return 0;
}

/* Sends to whoever waits; who sleeps gets nothing. */
static void wake_some(uint64_t *seed)
{
    for (int i = 0; i < GOROUTINES; i++) {
        int item = i;
        if (test_random(seed) % 2 == 0)
            (void)rung_try_send(chans[i], &item);
    }
}

static int waker(void *arg)
{
    uint64_t seed = test_seed() ^ (uint64_t)(uintptr_t)arg;
    while (alive > 0) {
        EXPECT_EQ(rung_sleep(a_while(&seed)), 0);
        wake_some(&seed);
    }
    return 0;
}

static void *wake_from_thread(void *arg)
{
    uint64_t seed = test_seed() ^ 1;
    (void)arg;
    while (alive > 0) {
        usleep((useconds_t)(a_while(&seed) / 1000));
        wake_some(&seed);
    }
    return NULL;
}

static int body(void *arg)
{
    bool has_thread = arg != NULL;
    pthread_t thread;
    alive = GOROUTINES;
    for (int i = 0; i < GOROUTINES; i++)
        chans[i] = chan_open(sizeof(int), 0);
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < GOROUTINES; i++)
        group_go(&group, sleeper, &chans[i]);
    group_go(&group, waker, &group);
    if (has_thread)
        thread = thread_start(wake_from_thread, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    if (has_thread)
        thread_join(thread);
    for (int i = 0; i < GOROUTINES; i++)
        rung_chan_free(chans[i]);
    return 0;
}

int main(void)
{
    run_on(1, body, NULL);
    run_on(1, body, chans);
    run_on(2, body, NULL);
    run_on(4, body, chans);
    return 0;
}
