/* SPDX-License-Identifier: MIT */
/*
 * While the run queue is long, who starts a goroutine lets it run first. Nobody starves by that: neither who starts
 * them without end, nor what was queued before, nor what they make ready.
 * test-environment: RUNG_PROCS=1
 */
#include "common.h"

enum { DEPTH = 4, CHILDREN = 10, NODES = 11111, WAVE = 10000, YIELDERS = 100 };

/* Atomic: on a busy machine a processor is taken from whoever has it, and that one goes on beside the next. */
static atomic_bool is_over;
static atomic_int yields;

static int node(void *arg)
{
    rung_chan *results = ((rung_chan **)arg)[0], *own = chan_open(sizeof(long), 0);
    long depth = (long)((void **)arg)[1], sum = 1, part;
    for (int i = 0; i < CHILDREN && depth > 0; i++) {
        void *child[] = { own, (void *)(depth - 1) };
        EXPECT_EQ(rung_go_copy(node, child, sizeof child), 0);
    }
    for (int i = 0; i < CHILDREN && depth > 0; i++) {
        EXPECT_EQ(rung_recv(own, &part), 1);
        sum += part;
    }
    rung_chan_free(own);
    EXPECT_EQ(rung_send(results, &sum), 0);
    return 0;
}

static int yielder(void *arg)
{
    (void)arg;
    while (!is_over) {
        yields++;
        rung_yield();
    }
    return 0;
}

static int count_end(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    return 0;
}

static void wave(void)
{
    atomic_int ended = 0;
    int most_alive = 0;
    for (int started = 1; started <= WAVE; started++) {
        EXPECT_EQ(rung_go(count_end, &ended), 0);
        int alive = started - ended;
        most_alive = alive > most_alive ? alive : most_alive;
    }
    if (getenv("RUNG_CHAOS") == NULL)
        EXPECT(most_alive < WAVE / 10);
    while (ended < WAVE)
        rung_yield();
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Starts others for as long as it lasts; each yielder must get its turns beside it. */
static int starter(void *arg)
{
    int before = yields;
    while (yields < before + 20 * YIELDERS)
        EXPECT_EQ(rung_go(nothing, NULL), 0);
    rung_waitgroup_done(arg);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_chan *results = chan_open(sizeof(long), 0);
    void *root[] = { results, (void *)(long)DEPTH };
    long sum;
    EXPECT_EQ(rung_go_copy(node, root, sizeof root), 0);
    EXPECT_EQ(rung_recv(results, &sum), 1);
    EXPECT_EQ(sum, NODES);

    wave();

    rung_waitgroup left = { 0 };
    for (int i = 0; i < YIELDERS; i++)
        EXPECT_EQ(rung_go(yielder, NULL), 0);
    rung_waitgroup_add(&left, 3);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(rung_go(starter, &left), 0);
    EXPECT_EQ(rung_waitgroup_wait(&left), 0);
    is_over = true;
    rung_chan_free(results);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) < 0;
}
