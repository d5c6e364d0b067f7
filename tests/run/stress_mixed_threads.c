/* SPDX-License-Identifier: MIT */
/*
 * Tokens go round through channels of every kind, carried by goroutines, plain threads, timers' users and
 * blocking readers, for a while: at the end there are as many, and each is there once.
 */
#include "common.h"

enum { TOKENS = 64, PLACES = 6 };

static rung_chan *places[PLACES];
static atomic_int is_over;
static atomic_long moves;

static void carry(uint64_t *state, int is_goroutine)
{
    int token;
    rung_case cases[PLACES];
    for (int i = 0; i < PLACES; i++)
        cases[i] = (rung_case)RUNG_CASE_RECV(places[i], &token);
    int chosen = test_random(state) % 2 ? rung_try_select(cases, PLACES)
                                        : rung_try_select(cases + test_random(state) % PLACES, 1);
    if (chosen < 0) {
        EXPECT_EQ(chosen, -EAGAIN);
        rung_yield();
        return;
    }
    switch (test_random(state) % 16) {
    case 0:
        (void)rung_sleep((int64_t)(test_random(state) % 50000));
        break;
    case 1:
        if (is_goroutine)
            usleep(20); /* unannotated */
        break;
    default:
        break;
    }
    EXPECT_EQ(rung_send(places[test_random(state) % PLACES], &token), 0);
    atomic_fetch_add(&moves, 1);
}

static int goroutine(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    while (!atomic_load(&is_over))
        carry(&state, 1);
    return 0;
}

static void *thread(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    while (!atomic_load(&is_over))
        carry(&state, 0);
    return NULL;
}

static int app(void *arg)
{
    rung_group group;
    pthread_t threads[3];
    char seen[TOKENS] = {0};
    int token, count = 0;
    atomic_store(&is_over, 0);
    for (int i = 0; i < PLACES; i++)
        places[i] = chan_open(sizeof(int), TOKENS);
    for (token = 0; token < TOKENS; token++)
        send_int(places[token % PLACES], token);
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < 24; i++)
        group_go(&group, goroutine, (void *)i);
    for (uintptr_t i = 0; i < 3; i++)
        threads[i] = thread_start(thread, (void *)(1000 + i));
    EXPECT_EQ(rung_sleep(MS(rounds(150))), 0);
    atomic_store(&is_over, 1);
    EXPECT_EQ(rung_group_wait(&group), 0);
    for (int i = 0; i < 3; i++)
        thread_join(threads[i]);
    for (int i = 0; i < PLACES; i++) {
        for (; rung_try_recv(places[i], &token) == 1; count++)
            EXPECT_EQ(seen[token]++, 0);
        rung_chan_free(places[i]);
    }
    EXPECT_EQ(count, TOKENS);
    return arg != NULL;
}

int main(void)
{
    (void)test_seed();
    for (int procs = 1; procs <= 16; procs *= 2)
        run_on(procs, app, NULL);
    printf("%ld moves\n", moves);
    return 0;
}
