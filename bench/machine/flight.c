/* SPDX-License-Identifier: MIT */
/*
 * flight.c: what a snapshot of a full flight recorder takes, and how long it keeps the busiest goroutine from running. Prints
 * `milliseconds MiB microseconds microseconds`: the snapshot's time, its bytes, the longest pause of a goroutine that only
 * yields while it is taken, and in as long a time without one; each the least of the rounds.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <rung.h>
#include <rung_debug.h>

#define MUST(call) ((call) < 0 ? (perror(#call), abort()) : (void)0)

enum { ROUNDS = 20, TALKERS = 4, KEPT = 10 << 20 };

static atomic_bool is_over;
static _Atomic int64_t longest, last;

static int talk(void *arg)
{
    (void)arg;
    while (!is_over)
        rung_yield();
    return 0;
}

/* The time between two of its turns, of which others take their part. */
static int watch(void *arg)
{
    (void)arg;
    for (last = rung_now(); !is_over; rung_yield()) {
        int64_t now = rung_now();
        if (now - last > longest)
            longest = now - last;
        last = now;
    }
    return 0;
}

static int64_t longest_until_now(void)
{
    int64_t open = rung_now() - last, closed = longest;
    return open > closed ? open : closed;
}

static int count(void *arg, const void *bytes, size_t size)
{
    (void)bytes;
    *(size_t *)arg += size;
    return 0;
}

static void least(int64_t *kept, int64_t value)
{
    if (value < *kept)
        *kept = value;
}

static int app(void *arg)
{
    rung_flight *flight;
    int64_t work = INT64_MAX, pause = INT64_MAX, quiet = INT64_MAX;
    size_t bytes = 0;
    (void)arg;
    MUST(rung_flight_start(&flight, &(rung_flight_options){ .memory = KEPT }));
    for (int i = 0; i < TALKERS; i++)
        MUST(rung_go(talk, NULL));
    MUST(rung_go(watch, NULL));
    while (bytes < KEPT / 2) { /* until it is full: a snapshot has neither heads of buffers nor tables */
        bytes = 0;
        MUST(rung_sleep(RUNG_MILLISECONDS(100)));
        (void)rung_flight_snapshot(flight, count, &bytes);
    }
    for (int i = 0; i < ROUNDS; i++) {
        MUST(rung_sleep(RUNG_MILLISECONDS(100)));
        bytes = 0;
        longest = 0;
        int64_t begin = rung_now();
        int error = rung_flight_snapshot(flight, count, &bytes);
        int64_t took = rung_now() - begin;
        if (error == -ENOBUFS) /* a busy machine: the trace's thread was too late, and nothing is kept */
            continue;
        MUST(error);
        least(&pause, longest_until_now());
        least(&work, took);
        longest = 0;
        MUST(rung_sleep(took));
        least(&quiet, longest_until_now());
    }
    is_over = true;
    printf("%.2f ms %.1f MiB %.0f us %.0f us\n", (double)work / 1e6, (double)bytes / (1 << 20), (double)pause / 1e3,
           (double)quiet / 1e3);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
