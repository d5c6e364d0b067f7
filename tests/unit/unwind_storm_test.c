/* Signals at 5 kHz over libc-heavy code on two threads: each walk reaches its root. */
/* SPDX-License-Identifier: MIT */
/* test-presets: release debug ubsan clang lto lto-clang arm64 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "../test.h"
#include "base/os.h"
#include "machine/object.h"
#include "machine/unwind.h"
#include "rung_debug.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { PERIOD_NS = 200000, DEPTH = 128, THREADS = 2, FEWEST = 100 };

/*
 * One thread's storm: what lies below storm() on its stack, and the first walk that did not end
 * there.
 */
struct storm {
    struct stack_range range;
    uintptr_t base[DEPTH], wrong[DEPTH];
    size_t base_count, wrong_count;
    uint64_t walks, failures, deepest;
    uint64_t sink;
};

static __thread struct storm *current;

static void on_profile(int signal, siginfo_t *info, void *context)
{
    uintptr_t pcs[DEPTH];
    struct storm *storm = current;
    (void)signal;
    (void)info;
    if (storm == NULL)
        return;
    size_t count = unwind_from_context(context, &storm->range, 1, pcs, DEPTH);
    size_t base = storm->base_count;
    storm->walks++;
    if (count > storm->deepest)
        storm->deepest = count;
    if (count > base && memcmp(pcs + count - base, storm->base, base * sizeof *pcs) == 0)
        return;
    if (storm->failures++ == 0) {
        storm->wrong_count = count;
        memcpy(storm->wrong, pcs, count * sizeof *pcs);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

__attribute__((__noinline__)) static void work(struct storm *storm)
{
    char text[256];
    double numbers[100];
    for (size_t i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "%zu.%zu%s", i * 7919 % 100, i, "e3");
        numbers[i] = strtod(text, NULL);
    }
    qsort(numbers, 100, sizeof numbers[0], compare);
    for (size_t i = 0; i < 50; i++) {
        char *copy = strdup(text);
        copy = realloc(copy, sizeof text + i * 500);
        storm->sink += strlen(copy) + (size_t)numbers[i] + (size_t)time(NULL);
        free(copy);
    }
}

__attribute__((__noinline__)) static void storm_run(struct storm *storm)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF };
    struct itimerspec period = { { 0, PERIOD_NS }, { 0, PERIOD_NS } };
    timer_t timer;
    event.sigev_notify_thread_id = os_thread_id();
    EXPECT_EQ(unwind_thread_range(&storm->range), 0);
    uintptr_t here[DEPTH];
    size_t count = unwind_here(&storm->range, 1, here, DEPTH);
    EXPECT(count >= 3); /* storm_run, its caller, the root */
    storm->base_count = count - 1;
    memcpy(storm->base, here + 1, (count - 1) * sizeof *here);
    current = storm;
    EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    EXPECT_EQ(timer_settime(timer, 0, &period, NULL), 0);
    int64_t end = os_now() + test_scaled(INT64_C(2000000000));
    while (storm->failures == 0 && (os_now() < end || storm->walks <= FEWEST || storm->deepest <= storm->base_count + 3))
        work(storm);
    timer_delete(timer);
    current = NULL;
}

static void *thread_main(void *storm)
{
    storm_run(storm);
    return NULL;
}

static void judge(const struct storm *storm)
{
    printf("%lu walks, %lu pcs at most, %zu of them the root's\n", (unsigned long)storm->walks,
           (unsigned long)storm->deepest, storm->base_count);
    for (size_t i = 0; i < storm->wrong_count; i++) {
        char name[128];
        rung_symbol(storm->wrong[i] - (i > 0), name, sizeof name);
        fprintf(stderr, "  %#lx %s\n", (unsigned long)storm->wrong[i], name);
    }
    EXPECT_EQ(storm->failures, 0);
}

int main(void)
{
    static struct storm storms[THREADS];
    struct sigaction action = { .sa_sigaction = on_profile, .sa_flags = SA_SIGINFO | SA_RESTART };
    EXPECT_EQ(object_refresh(), 0);
    EXPECT_EQ(sigaction(SIGPROF, &action, NULL), 0);
    pthread_t thread;
    EXPECT_EQ(pthread_create(&thread, NULL, thread_main, &storms[1]), 0);
    storm_run(&storms[0]);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    judge(&storms[0]);
    judge(&storms[1]);
    return 0;
}
