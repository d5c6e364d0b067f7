/* SPDX-License-Identifier: MIT */
/*
 * Goroutines that have been deep, came back and park: after RUNG_TRIM the pages below are the kernel's again, whether
 * everything sleeps or all processors are busy. What lies above stays, and the goroutines go on, and deep again.
 *
 * test-environment: RUNG_TRIM=50
 * test-traced: no
 */
#include "common.h"

#include "residence.h"

enum { GOROUTINES = 64, LEVELS = 48, LEVEL_BYTES = 2048, MOST_PROBED = 8 };

struct sleeper {
    char *deepest; /* a page of the frame that was left */
    _Atomic bool is_parked;
    uint32_t number;
};

static struct sleeper sleepers[GOROUTINES];
static rung_chan *chan;
static atomic_int ended;
static atomic_bool is_over;

/* Fills a frame at each level; gives back where the deepest was, once all are found as they were left. */
__attribute__((__noinline__)) static char *deep(int levels, uint32_t number)
{
    volatile uint32_t words[LEVEL_BYTES / 4];
    char *deepest = (char *)((uintptr_t)__builtin_frame_address(0) / page_bytes() * page_bytes());
    for (uint32_t i = 0; i < LENGTH(words); i++)
        words[i] = number + (uint32_t)levels + i;
    if (levels > 0)
        deepest = deep(levels - 1, number);
    for (uint32_t i = 0; i < LENGTH(words); i++)
        EXPECT_EQ(words[i], number + (uint32_t)levels + i);
    return deepest;
}

static int sleep_once(void *arg)
{
    struct sleeper *self = arg;
    volatile uint32_t above[256];
    for (uint32_t i = 0; i < LENGTH(above); i++)
        above[i] = self->number * i;
    self->deepest = deep(LEVELS, self->number);
    self->is_parked = true;
    int item = 0;
    EXPECT_EQ(rung_recv(chan, &item), 0);
    for (uint32_t i = 0; i < LENGTH(above); i++)
        EXPECT_EQ(above[i], self->number * i);
    deep(LEVELS, self->number + 1);
    ended++;
    return 0;
}

static int count_trimmed(void)
{
    int trimmed = 0;
    for (int i = 0; i < GOROUTINES; i++) {
        if (!sleepers[i].is_parked)
            continue;
        bool is_gone = true;
        for (uintptr_t k = 0; k < MOST_PROBED; k++)
            is_gone = is_gone && !is_resident(sleepers[i].deepest + k * page_bytes());
        trimmed += is_gone;
    }
    return trimmed;
}

static void start_sleepers(void)
{
    chan = chan_open(sizeof(int), 0);
    ended = 0;
    is_over = false;
    for (uint32_t i = 0; i < GOROUTINES; i++) {
        sleepers[i].is_parked = false;
        sleepers[i].number = i;
        go(sleep_once, &sleepers[i]);
    }
}

/* A plain thread, strange to rung until all is trimmed: then it wakes everybody. */
static void *watch(void *arg)
{
    (void)arg;
    while (count_trimmed() < GOROUTINES)
        usleep(5000);
    rung_chan_close(chan);
    return NULL;
}

/* Everything sleeps, but for the watcher. */
static int all_sleep(void *arg)
{
    (void)arg;
    start_sleepers();
    pthread_t thread = thread_start(watch, NULL);
    int item = 0;
    EXPECT_EQ(rung_recv(chan, &item), 0);
    while (ended < GOROUTINES)
        rung_yield();
    thread_join(thread);
    rung_chan_free(chan);
    return 0;
}

static int keep_busy(void *arg)
{
    (void)arg;
    while (!is_over)
        rung_yield();
    ended++;
    return 0;
}

/* No processor ever idles. */
static int all_busy(void *arg)
{
    int busy = *(int *)arg;
    start_sleepers();
    for (int i = 0; i < busy; i++)
        go(keep_busy, NULL);
    while (count_trimmed() < GOROUTINES)
        for (int i = 0; i < 1000; i++)
            rung_yield();
    is_over = true;
    rung_chan_close(chan);
    while (ended < GOROUTINES + busy)
        rung_yield();
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    int busy = 4;
    if (!is_residence_told())
        SKIP("mincore does not tell what is resident");
    run_on(1, all_sleep, NULL);
    run_on(4, all_sleep, NULL);
    run_on(1, all_busy, &busy);
    run_on(2, all_busy, &busy);
    return 0;
}
