/* SPDX-License-Identifier: MIT */
/*
 * clocks.c: workloads of timers, sleeps and scopes.
 *
 * sleepers and timers ask what a million of them cost against a thousand. Both run in rounds: all
 * of them get random moments within a short window that lies ahead, so that all are pending at
 * once, and then all come due together. What is counted is the CPU time from there to the last
 * one; the processor is kept awake until the window begins, so that no idle time is in it.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum {
    RESETS = 1000000,
    SCOPES = 200000,
    NAPS = 2000,
    FEW = 1000,
    MANY = 1000000,
    FEW_ROUNDS = 50,
    MANY_ROUNDS = 2,
    WINDOW_NS = 10, /* length of the window per sleeper or timer */
};

#define HOUR RUNG_SECONDS(3600)

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* ---- timer-reset: a pending one-hour timer is set to one hour again ------------------------ */

double batch_timer_reset(void)
{
    rung_timer *timer;
    must(rung_timer_open(&timer, HOUR, 0), "rung_timer_open");
    int64_t begin = rung_now();
    for (int i = 0; i < RESETS; i++)
        MUST(rung_timer_reset(timer, HOUR, 0));
    double result = (double)(rung_now() - begin) / RESETS;
    rung_timer_close(timer);
    return result;
}

/* ---- deadline: a scope with a deadline of one hour is opened and closed --------------------- */

double batch_deadline(void)
{
    int64_t begin = rung_now();
    for (int i = 0; i < SCOPES; i++) {
        rung_scope scope;
        rung_scope_open(&scope, HOUR);
        MUST(rung_scope_close(&scope));
    }
    return (double)(rung_now() - begin) / SCOPES;
}

/* ---- sleep100us-p99-late: how late the 99th percentile of 2,000 naps of 100 us is ----------- */

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

double batch_nap(void)
{
    static int64_t late_ns[NAPS];
    for (int i = 0; i < NAPS; i++) {
        int64_t begin = rung_now();
        MUST(rung_sleep(RUNG_MICROSECONDS(100)));
        late_ns[i] = rung_now() - begin - RUNG_MICROSECONDS(100);
    }
    qsort(late_ns, NAPS, sizeof *late_ns, compare_times);
    return (double)late_ns[NAPS * 99 / 100] / 1e3;
}

/* ---- sleepers: CPU time of one sleep and wake, of 1,000,000 against 1,000 ------------------- */

static struct {
    int count, rounds;
    int64_t begin_ns; /* of the window of round 0 */
    int64_t gap_ns;   /* from one round's window to the next one's */
    atomic_long woken;
    atomic_bool is_overrun; /* a round ran into the next window: they were not all asleep at once */
    int64_t begin_cpu[FEW_ROUNDS + 1]; /* 0, or set once when that round's window begins */
    int64_t end_cpu[FEW_ROUNDS + 1];   /* 0, or set once by the last to wake in that round */
    rung_waitgroup left;
} sleepers;

static int64_t window_begin(int round)
{
    return sleepers.begin_ns + round * sleepers.gap_ns;
}

static int sleep_in_rounds(void *arg)
{
    uint64_t seed = (uintptr_t)arg;
    for (int round = 0; round <= sleepers.rounds; round++) {
        int64_t late_ns = random_below(&seed, (int64_t)sleepers.count * WINDOW_NS);
        MUST(rung_sleep(window_begin(round) + late_ns - rung_now()));
        if (atomic_fetch_add(&sleepers.woken, 1) + 1 != (long)sleepers.count * (round + 1))
            continue;
        sleepers.end_cpu[round] = cpu_now();
        if (rung_now() > window_begin(round + 1))
            atomic_store(&sleepers.is_overrun, true);
    }
    rung_waitgroup_done(&sleepers.left);
    return 0;
}

/* Yields while all sleep, so that a window finds the processor awake. */
static int keep_awake(void *arg)
{
    (void)arg;
    for (int round = 0; round <= sleepers.rounds; round++) {
        while (rung_now() < window_begin(round))
            rung_yield();
        if (atomic_load(&sleepers.woken) == (long)sleepers.count * round)
            sleepers.begin_cpu[round] = cpu_now();
    }
    rung_waitgroup_done(&sleepers.left);
    return 0;
}

/* All rounds. False if one of them ran into the next one. */
static bool run_sleepers(int count, int rounds, int64_t gap_ns)
{
    sleepers.count = count;
    sleepers.rounds = rounds;
    sleepers.begin_ns = rung_now() + 2 * gap_ns;
    sleepers.gap_ns = gap_ns;
    atomic_store(&sleepers.woken, 0);
    atomic_store(&sleepers.is_overrun, false);
    memset(sleepers.begin_cpu, 0, sizeof sleepers.begin_cpu);
    memset(sleepers.end_cpu, 0, sizeof sleepers.end_cpu);
    rung_waitgroup_add(&sleepers.left, count + 1);
    for (int i = 0; i < count; i++)
        start(sleep_in_rounds, (void *)(uintptr_t)(i * 2654435761U + 1));
    start(keep_awake, NULL);
    MUST(rung_waitgroup_wait(&sleepers.left));
    for (int round = 0; round <= rounds; round++)
        if (sleepers.end_cpu[round] == 0)
            return false; /* somebody was in the next round before this one's last woke */
    return !atomic_load(&sleepers.is_overrun);
}

/* The best round's CPU time per sleeper, or 0 if no round is sound; round 0 warms up. */
static double best_round(int count, int rounds)
{
    double best = 0;
    for (int round = 1; round <= rounds; round++) {
        if (sleepers.begin_cpu[round] == 0)
            continue; /* some had woken before its begin was seen */
        double cost = (double)(sleepers.end_cpu[round] - sleepers.begin_cpu[round]) / count;
        best = best == 0 ? cost : smaller(best, cost);
    }
    return best;
}

static double sleep_ns(int count, int rounds)
{
    for (int64_t gap_ns = RUNG_MICROSECONDS(count);; gap_ns *= 2) {
        double best = run_sleepers(count, rounds, gap_ns) ? best_round(count, rounds) : 0;
        if (best > 0)
            return best;
    }
}

double batch_sleepers(void)
{
    double few = sleep_ns(FEW, FEW_ROUNDS), many = sleep_ns(MANY, MANY_ROUNDS);
    remark(" (%.0f ns of %d, %.0f ns of %d)", few, FEW, many, MANY);
    return many / few;
}

/* ---- timers: CPU time of reset, reset, fire, receive, of 1,000,000 against 1,000 ------------ */

static rung_timer *timers[MANY];

/*
 * All pending at random hours are set to random moments soon, and once these are over the tick of
 * each is received. Waiting for the moments is left out.
 */
static double fire_ns(int count, uint64_t *seed)
{
    int64_t window_ns = (int64_t)count * WINDOW_NS;
    int64_t begin_cpu = cpu_now();
    for (int i = 0; i < count; i++)
        rung_timer_reset(timers[i], HOUR + random_below(seed, HOUR), 0);
    int64_t soon = rung_now() + (int64_t)count * 500;
    for (int i = 0; i < count; i++) {
        int64_t moment = soon + random_below(seed, window_ns);
        rung_timer_reset(timers[i], moment - rung_now(), 0);
    }
    int64_t reset_cpu = cpu_now() - begin_cpu;
    while (rung_now() < soon)
        rung_yield();
    while (rung_now() < soon + window_ns)
        ;
    begin_cpu = cpu_now();
    for (int i = 0; i < count; i++) {
        int64_t tick;
        MUST(rung_recv(rung_timer_chan(timers[i]), &tick));
    }
    return (double)(reset_cpu + cpu_now() - begin_cpu) / count;
}

static double timer_ns(int count, int rounds)
{
    uint64_t seed = 88172645463325252U;
    double best = 1e18;
    for (int i = 0; i < count; i++)
        must(rung_timer_open(&timers[i], HOUR, 0), "rung_timer_open");
    for (int round = 0; round < rounds; round++)
        best = smaller(best, fire_ns(count, &seed));
    for (int i = 0; i < count; i++)
        rung_timer_close(timers[i]);
    return best;
}

double batch_timers(void)
{
    double few = timer_ns(FEW, FEW_ROUNDS), many = timer_ns(MANY, MANY_ROUNDS);
    remark(" (%.0f ns of %d, %.0f ns of %d)", few, FEW, many, MANY);
    return many / few;
}
