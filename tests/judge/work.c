/* SPDX-License-Identifier: MIT */
/*
 * work.c: what the judges look at:  work yield|pingpong|select|timers SECONDS
 *
 * 0 seconds: without an end, and without a timer for it, whose clock a slow stepper would never get past.
 *
 * Little but switches, since a chain is most easily broken there. judge_leaf is where gdb stops in a goroutine.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rung.h"

enum { PAIRS = 2, NAPPERS = 8, CHECK_EVERY = 256 };

static rung_scope until; /* ends everything */
static rung_group group;
static rung_chan *chans[2 * PAIRS];
static atomic_ulong steps;

static void must(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "work: %s: %s\n", what, strerror(-result));
    exit(1);
}

static rung_chan *chan_new(void)
{
    rung_chan *chan;
    must(rung_chan_open(&chan, sizeof(int64_t), 0), "rung_chan_open");
    return chan;
}

/* The deepest function of a goroutine: a known chain of three above the root. */
__attribute__((noinline)) void judge_leaf(unsigned long step);
void judge_leaf(unsigned long step)
{
    atomic_fetch_add_explicit(&steps, step, memory_order_relaxed);
}

__attribute__((noinline)) static void judge_caller(unsigned long step)
{
    judge_leaf(step + 1);
    atomic_signal_fence(memory_order_seq_cst); /* no tail call */
}

/* ---- the workloads; each ends with the group's deadline ---- */

static int yielder(void *arg)
{
    (void)arg;
    while (rung_scope_error() == 0)
        for (int i = 0; i < CHECK_EVERY; i++) {
            rung_yield();
            if (i == 0)
                judge_caller(0);
        }
    return 0;
}

static int server(void *arg)
{
    rung_chan **pair = arg;
    int64_t item;
    while (rung_recv(pair[0], &item) == 1 && rung_send(pair[1], &item) == 0)
        ;
    return 0;
}

static int client(void *arg)
{
    rung_chan **pair = arg;
    for (int64_t i = 0, item; rung_send(pair[0], &i) == 0 && rung_recv(pair[1], &item) == 1; i++)
        if (i % CHECK_EVERY == 0)
            judge_caller((unsigned long)item);
    return 0;
}

static int sender(void *arg)
{
    (void)arg;
    for (int64_t i = 0; rung_send(chans[i % 3], &i) == 0; i++)
        ;
    return 0;
}

static int selector(void *arg)
{
    (void)arg;
    int64_t item = 0;
    rung_case cases[] = {
        RUNG_CASE_RECV(chans[0], &item),
        RUNG_CASE_RECV(chans[1], &item),
        RUNG_CASE_RECV(chans[2], &item),
    };
    for (unsigned long i = 0; rung_select(cases, 3) >= 0; i++)
        if (i % CHECK_EVERY == 0)
            judge_caller((unsigned long)item);
    return 0;
}

static int napper(void *arg)
{
    (void)arg;
    for (int64_t i = 1; rung_sleep(RUNG_MICROSECONDS(1 + i % 50)) == 0; i++)
        for (unsigned long j = 0; j < CHECK_EVERY; j++)
            judge_caller(j);
    return 0;
}

/* Two timers of its own: one ticks, and one is set anew with each tick. */
static int ticker(void *arg)
{
    (void)arg;
    rung_timer *tick, *late;
    must(rung_timer_open(&tick, 0, RUNG_MICROSECONDS(20)), "rung_timer_open");
    must(rung_timer_open(&late, RUNG_FOREVER, 0), "rung_timer_open");
    int64_t time;
    rung_case cases[] = {
        RUNG_CASE_RECV(rung_timer_chan(tick), &time),
        RUNG_CASE_RECV(rung_timer_chan(late), &time),
    };
    while (rung_select(cases, 2) >= 0)
        for (int64_t i = 1; i <= 16; i++)
            (void)rung_timer_reset(late, RUNG_MICROSECONDS(10 * i), 0);
    rung_timer_close(tick);
    rung_timer_close(late);
    return 0;
}

static void start(rung_function *fn, void *arg)
{
    must(rung_group_go(&group, fn, arg), "rung_group_go");
}

static void start_all(const char *workload)
{
    if (!strcmp(workload, "yield")) {
        for (int i = 0; i < 2 * PAIRS; i++)
            start(yielder, NULL);
    } else if (!strcmp(workload, "pingpong")) {
        for (int i = 0; i < PAIRS; i++) {
            start(server, &chans[2 * i]);
            start(client, &chans[2 * i]);
        }
    } else if (!strcmp(workload, "select")) {
        start(sender, NULL);
        start(sender, NULL);
        start(selector, NULL);
    } else {
        for (int i = 0; i < NAPPERS; i++)
            start(napper, NULL);
        start(ticker, NULL);
    }
}

static int work(void *arg)
{
    char **arguments = arg;
    for (int i = 0; i < 2 * PAIRS; i++)
        chans[i] = chan_new();
    double seconds = atof(arguments[2]);
    rung_scope_open(&until, seconds > 0 ? (int64_t)(seconds * 1e9) : RUNG_FOREVER);
    rung_group_open(&group, RUNG_FOREVER);
    start_all(arguments[1]);
    (void)rung_group_wait(&group);
    (void)rung_scope_close(&until);
    for (int i = 0; i < 2 * PAIRS; i++)
        rung_chan_free(chans[i]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: work yield|pingpong|select|timers SECONDS\n");
        return 2;
    }
    must(rung_run(work, argv), "rung_run");
    return 0;
}
