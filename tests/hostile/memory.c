/* SPDX-License-Identifier: MIT */
/*
 * RLIMIT_DATA: memory can't be committed any more. rung_go, rung_chan_open, rung_timer_open, rung_timer_reset,
 * rung_sleep, rung_select, rung_local_set and scopes say -ENOMEM; what was there goes on, and once there is memory
 * again all is as before.
 */
#include "hostile.h"

enum { MOST = 200000, CASES = 300, TIMERS = 20000 };

static rung_chan *gate;
static atomic_int awake;
static void *hoard; /* of malloc's: a list */

static size_t data_in_use(void)
{
    char line[128];
    unsigned long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    EXPECT(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "VmData: %lu", &kilobytes);
    fclose(file);
    return kilobytes * 1024;
}

/* The limit says how much more may be written to; malloc's own store is emptied too. */
static void exhaust_memory(void)
{
    limit(RLIMIT_DATA, data_in_use());
    for (size_t size = 65536; size >= 16; size /= 2)
        for (void **piece; (piece = malloc(size)) != NULL; hoard = piece)
            *piece = hoard;
}

static void restore_memory(void)
{
    while (hoard != NULL) {
        void *next = *(void **)hoard;
        free(hoard);
        hoard = next;
    }
    limit(RLIMIT_DATA, RLIM_INFINITY);
}

static int waits(void *arg)
{
    EXPECT_EQ(rung_recv(gate, NULL), 0);
    atomic_fetch_add(&awake, 1);
    return arg != NULL;
}

/* Each call until it says so: between two of them another processor may let go of dead ones that it kept. */
static int fill_with_goroutines(rung_group *group)
{
    int count = 0, error = 0;
    while (count < MOST && (error = rung_group_go(group, waits, NULL)) == 0)
        count++;
    EXPECT_EQ(error, -ENOMEM);
    while ((error = rung_go(waits, NULL)) == 0)
        count++;
    EXPECT_EQ(error, -ENOMEM);
    while ((error = rung_go_copy(waits, &count, sizeof count)) == 0)
        count++;
    EXPECT_EQ(error, -ENOMEM);
    return count;
}

static void malloc_is_empty(void)
{
    static rung_case cases[CASES];
    rung_chan *chan = gate;
    rung_timer *timer = NULL;
    rung_local key;
    EXPECT_EQ(rung_local_open(&key, NULL), 0);
    EXPECT_EQ(rung_local_set(key, &key), -ENOMEM);
    EXPECT(rung_local_get(key) == NULL);
    EXPECT_EQ(rung_chan_open(&chan, 8, 100), -ENOMEM);
    EXPECT(chan == gate);
    EXPECT_EQ(rung_timer_open(&timer, 0, 0), -ENOMEM);
    EXPECT(timer == NULL);
    for (int i = 0; i < CASES; i++)
        cases[i] = (rung_case)RUNG_CASE_RECV(gate, NULL);
    EXPECT_EQ(rung_select(cases, CASES), -ENOMEM);
    EXPECT_EQ(rung_try_select(cases, CASES), -ENOMEM);
    EXPECT_EQ(rung_try_select(cases, 16), -EAGAIN);
}

static int goroutines_and_malloc(void *arg)
{
    rung_group group;
    awake = 0;
    gate = chan_open(0, 0);
    EXPECT_EQ(rung_sleep(MS(1)), 0); /* makes the heap of timers */
    rung_group_open(&group, RUNG_FOREVER);
    rung_pin(); /* each thread has a malloc of its own, and each processor dead goroutines */
    exhaust_memory();
    int count = fill_with_goroutines(&group);
    malloc_is_empty();
    rung_unpin();
    EXPECT_EQ(rung_sleep(MS(1)), 0);
    restore_memory();
    for (int i = 0; i < 1000; i++)
        group_go(&group, waits, NULL);
    rung_chan_close(gate);
    EXPECT_EQ(rung_group_wait(&group), 0);
    while (awake < count + 1000) /* those that are not in the group */
        rung_yield();
    EXPECT_EQ(awake, count + 1000);
    rung_chan_free(gate);
    return arg != NULL;
}

/* ---- timers ---- */

static rung_timer *timers[TIMERS];

/* Starts those that are stopped, until there is no place; gives back how many there were places for. */
static int start_all(void)
{
    int started = 0, error = 0;
    while (started < TIMERS && (error = rung_timer_reset(timers[started], RUNG_SECONDS(1000), 0)) >= 0)
        started++;
    EXPECT(started == TIMERS || error == -ENOMEM);
    return started;
}

static void no_place(rung_timer *stopped)
{
    rung_scope scope, inner;
    rung_group group;
    EXPECT_EQ(rung_sleep(MS(1)), -ENOMEM);
    EXPECT_EQ(rung_timer_reset(stopped, MS(1), 0), -ENOMEM);
    EXPECT_EQ(rung_timer_stop(stopped), 0);
    rung_scope_open(&scope, MS(1));
    EXPECT_EQ(rung_scope_error(), -ENOMEM);
    EXPECT_EQ(rung_recv(gate, NULL), -ENOMEM);
    rung_scope_open(&inner, RUNG_FOREVER);
    EXPECT_EQ(rung_scope_close(&inner), -ENOMEM);
    EXPECT_EQ(rung_scope_close(&scope), -ENOMEM);
    EXPECT_EQ(rung_scope_error(), 0);
    rung_group_open(&group, MS(1));
    EXPECT_EQ(rung_group_go(&group, waits, NULL), -ECANCELED);
    EXPECT_EQ(rung_group_wait(&group), -ENOMEM);
}

static void ticks(rung_timer *ticker)
{
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(rung_recv(rung_timer_chan(ticker), NULL), 1);
}

/* One that is stopped leaves its place to another, and one that fires takes its own again. */
static int timers_without_memory(void *arg)
{
    rung_timer *ticker;
    gate = chan_open(0, 0);
    for (int i = 0; i < TIMERS; i++)
        EXPECT_EQ(rung_timer_open(&timers[i], RUNG_FOREVER, 0), 0);
    EXPECT_EQ(rung_timer_open(&ticker, MS(1), MS(1)), 0);
    limit(RLIMIT_DATA, data_in_use());
    int places = start_all();
    EXPECT(places > 100 && places < TIMERS);
    no_place(timers[places]);
    ticks(ticker);
    EXPECT_EQ(rung_timer_stop(timers[0]), 1);
    EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT_EQ(rung_timer_reset(timers[places], MS(1), 0), 0);
    EXPECT_EQ(rung_recv(rung_timer_chan(timers[places]), NULL), 1);
    limit(RLIMIT_DATA, RLIM_INFINITY);
    EXPECT_EQ(start_all(), TIMERS);
    EXPECT_EQ(rung_sleep(MS(1)), 0);
    ticks(ticker);
    for (int i = 0; i < TIMERS; i++)
        rung_timer_close(timers[i]);
    rung_timer_close(ticker);
    rung_chan_free(gate);
    return arg != NULL;
}

int main(void)
{
    run_on(1, goroutines_and_malloc, NULL);
    run_on(3, goroutines_and_malloc, NULL);
    run_on(1, timers_without_memory, NULL);
    return 0;
}
