/* SPDX-License-Identifier: MIT */
/*
 * channels.c: workloads over channels: a pair that talks, a buffer, select, a sieve, a ring.
 *
 * Only the operations are timed: goroutines and channels of a batch are made before the clock
 * starts and end after it has stopped, but for the sieve, which makes its filters as it goes.
 * A channel is freed only when those who use it have reported to `left`: who has received the last
 * item, or the end, does not know that the other side has left the channel.
 */
#include <stdlib.h>

#include "bench.h"

enum {
    ROUND_TRIPS = 200000,
    BUFFERED_ITEMS = 1000000,
    BUFFER_CAPACITY = 128,
    SELECT_ITEMS = 200000,
    SIEVE_PRIMES = 2000,
    RING_LENGTH = 503,
    RING_HOPS = RING_LENGTH * 400,
};

static rung_waitgroup left;

/* ---- pingpong: two unbuffered channels; one operation is a round trip ---------------------- */

struct pair {
    rung_chan *there, *back;
};

static int echo(void *arg)
{
    struct pair *pair = arg;
    int item;
    while (rung_recv(pair->there, &item) == 1)
        MUST(rung_send(pair->back, &item));
    rung_waitgroup_done(&left);
    return 0;
}

double batch_pingpong(void)
{
    struct pair pair = { chan_new(sizeof(int), 0), chan_new(sizeof(int), 0) };
    rung_waitgroup_add(&left, 1);
    start(echo, &pair);
    int64_t begin = rung_now();
    for (int i = 0, item; i < ROUND_TRIPS; i++) {
        MUST(rung_send(pair.there, &i));
        MUST(rung_recv(pair.back, &item));
    }
    double result = (double)(rung_now() - begin) / ROUND_TRIPS;
    rung_chan_close(pair.there);
    MUST(rung_waitgroup_wait(&left));
    rung_chan_free(pair.there);
    rung_chan_free(pair.back);
    return result;
}

/* ---- buffered: one sender, one receiver, room for 128; one operation is an item ----------- */

static int send_all(void *arg)
{
    rung_chan *chan = arg;
    for (int i = 0; i < BUFFERED_ITEMS; i++)
        MUST(rung_send(chan, &i));
    rung_chan_close(chan);
    rung_waitgroup_done(&left);
    return 0;
}

double batch_buffered(void)
{
    rung_chan *chan = chan_new(sizeof(int), BUFFER_CAPACITY);
    rung_waitgroup_add(&left, 1);
    int64_t begin = rung_now();
    start(send_all, chan);
    int item;
    while (rung_recv(chan, &item) == 1)
        ;
    double result = (double)(rung_now() - begin) / BUFFERED_ITEMS;
    MUST(rung_waitgroup_wait(&left));
    rung_chan_free(chan);
    return result;
}

/* ---- select3: one goroutine selects over three channels, two send half the items each ------ */

static int send_to_three(void *arg)
{
    rung_chan **chans = arg;
    for (int i = 0; i < SELECT_ITEMS / 2; i++)
        MUST(rung_send(chans[i % 3], &i));
    rung_waitgroup_done(&left);
    return 0;
}

double batch_select3(void)
{
    rung_chan *chans[3];
    for (int i = 0; i < 3; i++)
        chans[i] = chan_new(sizeof(int), 0);
    rung_waitgroup_add(&left, 2);
    int64_t begin = rung_now();
    start(send_to_three, chans);
    start(send_to_three, chans);
    int item;
    rung_case cases[] = {
        RUNG_CASE_RECV(chans[0], &item),
        RUNG_CASE_RECV(chans[1], &item),
        RUNG_CASE_RECV(chans[2], &item),
    };
    for (int i = 0; i < SELECT_ITEMS; i++)
        MUST(rung_select(cases, 3));
    double result = (double)(rung_now() - begin) / SELECT_ITEMS;
    MUST(rung_waitgroup_wait(&left));
    for (int i = 0; i < 3; i++)
        rung_chan_free(chans[i]);
    return result;
}

/* ---- sieve2000: a chain of filters up to the 2,000th prime; the whole --------------------- */

/*
 * One stage of the sieve: the generator, or a filter. Each sends to the next one's channel. The end
 * comes from below: main closes the last channel, so that the send of the stage above fails, which
 * closes its own source in turn, up to the generator.
 */
struct stage {
    rung_chan *source; /* NULL: the generator */
    rung_chan *target;
    int prime;
};

static int generate(void *arg)
{
    struct stage *stage = arg;
    for (int number = 2; rung_send(stage->target, &number) == 0; number++)
        ;
    rung_waitgroup_done(&left);
    return 0;
}

static int filter(void *arg)
{
    struct stage *stage = arg;
    int number;
    while (rung_recv(stage->source, &number) == 1)
        if (number % stage->prime != 0 && rung_send(stage->target, &number) != 0)
            break;
    rung_chan_close(stage->source);
    rung_waitgroup_done(&left);
    return 0;
}

double batch_sieve(void)
{
    static struct stage stages[SIEVE_PRIMES];
    int64_t begin = rung_now();
    rung_waitgroup_add(&left, SIEVE_PRIMES);
    stages[0] = (struct stage){ NULL, chan_new(sizeof(int), 0), 0 };
    start(generate, &stages[0]);
    int prime = 0;
    for (int i = 1; i <= SIEVE_PRIMES; i++) {
        MUST(rung_recv(stages[i - 1].target, &prime));
        if (i == SIEVE_PRIMES)
            break;
        stages[i] = (struct stage){ stages[i - 1].target, chan_new(sizeof(int), 0), prime };
        start(filter, &stages[i]);
    }
    double result = (double)(rung_now() - begin) / 1e6;
    if (prime != 17389)
        abort();
    rung_chan_close(stages[SIEVE_PRIMES - 1].target);
    MUST(rung_waitgroup_wait(&left));
    for (int i = 0; i < SIEVE_PRIMES; i++)
        rung_chan_free(stages[i].target);
    return result;
}

/* ---- ring503: a token, the number of hops left, goes round; one operation is a hop --------- */

static rung_chan *links[RING_LENGTH];
static rung_chan *ring_done;

static int pass_on(void *arg)
{
    rung_chan **source = arg;
    rung_chan *target = source == &links[RING_LENGTH - 1] ? links[0] : source[1];
    int token;
    while (rung_recv(*source, &token) == 1) {
        token--;
        MUST(rung_send(token > 0 ? target : ring_done, &token));
    }
    rung_waitgroup_done(&left);
    return 0;
}

double batch_ring(void)
{
    ring_done = chan_new(sizeof(int), 0);
    for (int i = 0; i < RING_LENGTH; i++)
        links[i] = chan_new(sizeof(int), 0);
    rung_waitgroup_add(&left, RING_LENGTH);
    for (int i = 0; i < RING_LENGTH; i++)
        start(pass_on, &links[i]);
    int token = RING_HOPS;
    int64_t begin = rung_now();
    MUST(rung_send(links[0], &token));
    MUST(rung_recv(ring_done, &token));
    double result = (double)(rung_now() - begin) / RING_HOPS;
    for (int i = 0; i < RING_LENGTH; i++)
        rung_chan_close(links[i]);
    MUST(rung_waitgroup_wait(&left));
    for (int i = 0; i < RING_LENGTH; i++)
        rung_chan_free(links[i]);
    rung_chan_free(ring_done);
    return result;
}
