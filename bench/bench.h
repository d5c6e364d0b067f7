/* SPDX-License-Identifier: MIT */
/*
 * bench.h: what the workloads of rung_bench share.
 *
 * A batch runs a workload once, on a goroutine, and gives back the cost of one operation in the
 * workload's unit. The driver, rung_bench.c, runs batches until its time is over; the best counts.
 * The peers in peers/ run batches of the same numbers of operations.
 */
#ifndef BENCH_H
#define BENCH_H

#include <rung.h>
#include <stdint.h>

typedef double batch_function(void);

/* Goroutines and their stacks: goroutines.c. */
batch_function batch_yield, batch_spawn, batch_spawnjoin, batch_skynet;
batch_function batch_parked, batch_parked_64k;

/* Channels and select: channels.c. */
batch_function batch_pingpong, batch_buffered, batch_select3, batch_sieve, batch_ring;

/* Sockets: net.c. */
batch_function batch_echo;
/* A goroutine that serves an echo at the address (arg) until it is killed, and prints batch_nap's figures. */
int nap_server(void *arg);

/* Locks: locks.c. */
batch_function batch_mutex4;

/* Timers, sleeps and scopes: clocks.c. */
batch_function batch_timer_reset, batch_deadline, batch_nap, batch_sleepers, batch_timers;

/* Ends the program with a sentence when `result`, of the call named `what`, is an error. */
void must(int result, const char *what);

/* Text shown in brackets behind the figure: what it is made of. */
void remark(const char *format, ...) RUNG_PRINTF(1, 2);

/* CPU time that this process has used so far, in nanoseconds. */
int64_t cpu_now(void);

/* Starts a goroutine under the root scope; or ends the program. */
void start(rung_function *fn, void *arg);

rung_chan *chan_new(size_t item_size, size_t capacity);

/* The next number of a small random generator (xorshift), in [0, limit). The state is never 0. */
static inline int64_t random_below(uint64_t *state, int64_t limit)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (int64_t)(*state % (uint64_t)limit);
}

/* For hot loops: one compare, and a call only when the operation failed. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        int must_result = (call);                                                                  \
        if (must_result < 0)                                                                       \
            must(must_result, #call);                                                              \
    } while (0)

#endif
