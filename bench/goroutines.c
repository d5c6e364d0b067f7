/* SPDX-License-Identifier: MIT */
/*
 * goroutines.c: workloads of goroutines themselves: yield, start and end, a tree of a million, and
 * what a million parked ones weigh.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum {
    YIELDS = 1000000,
    SPAWN_WAVES = 200,
    SPAWN_WAVE = 1000,
    JOINS = 100000,
    SKYNET_LEAVES = 1000000,
    SKYNET_CHILDREN = 10,
    PARKED = 1000000,
};

static rung_waitgroup left;

/* ---- yield: two goroutines yield in turn; one operation is a yield ------------------------- */

static int yield_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < YIELDS / 2; i++)
        rung_yield();
    rung_waitgroup_done(&left);
    return 0;
}

double batch_yield(void)
{
    rung_waitgroup_add(&left, 2);
    int64_t begin = rung_now();
    start(yield_often, NULL);
    start(yield_often, NULL);
    MUST(rung_waitgroup_wait(&left));
    return (double)(rung_now() - begin) / YIELDS;
}

/* ---- spawn: waves of 1,000 that only report to a wait group; one operation is a goroutine --- */

static int report(void *arg)
{
    rung_waitgroup_done(arg);
    return 0;
}

double batch_spawn(void)
{
    int64_t begin = rung_now();
    for (int wave = 0; wave < SPAWN_WAVES; wave++) {
        rung_waitgroup_add(&left, SPAWN_WAVE);
        for (int i = 0; i < SPAWN_WAVE; i++)
            start(report, &left);
        MUST(rung_waitgroup_wait(&left));
    }
    return (double)(rung_now() - begin) / (SPAWN_WAVES * SPAWN_WAVE);
}

/* ---- spawnjoin: start one, receive one item from it --------------------------------------- */

static int send_one(void *arg)
{
    int item = 1;
    MUST(rung_send(arg, &item));
    return 0;
}

double batch_spawnjoin(void)
{
    rung_chan *chan = chan_new(sizeof(int), 0);
    int item;
    int64_t begin = rung_now();
    for (int i = 0; i < JOINS; i++) {
        start(send_one, chan);
        MUST(rung_recv(chan, &item));
    }
    double result = (double)(rung_now() - begin) / JOINS;
    rung_chan_free(chan);
    return result;
}

/* ---- skynet: ten children each, 1,000,000 leaves, sums over channels; the whole tree -------- */

struct node {
    rung_chan *parent;
    long number; /* of its first leaf */
    long leaves;
};

static int skynet(void *arg)
{
    struct node node = *(struct node *)arg;
    if (node.leaves == 1) {
        MUST(rung_send(node.parent, &node.number));
        return 0;
    }
    rung_chan *sums = chan_new(sizeof(long), 0);
    struct node child = { sums, node.number, node.leaves / SKYNET_CHILDREN };
    for (int i = 0; i < SKYNET_CHILDREN; i++, child.number += child.leaves)
        MUST(rung_go_copy(skynet, &child, sizeof child));
    long sum = 0;
    for (int i = 0; i < SKYNET_CHILDREN; i++) {
        long part;
        MUST(rung_recv(sums, &part));
        sum += part;
    }
    rung_chan_free(sums);
    MUST(rung_send(node.parent, &sum));
    return 0;
}

double batch_skynet(void)
{
    rung_chan *result = chan_new(sizeof(long), 0);
    struct node root = { result, 0, SKYNET_LEAVES };
    long sum;
    int64_t begin = rung_now();
    MUST(rung_go_copy(skynet, &root, sizeof root));
    MUST(rung_recv(result, &sum));
    double milliseconds = (double)(rung_now() - begin) / 1e6;
    if (sum != (long)SKYNET_LEAVES * (SKYNET_LEAVES - 1) / 2)
        abort();
    rung_chan_free(result);
    return milliseconds;
}

/* ---- parked1m: resident memory and page tables of a million that wait on one channel -------- */

static rung_chan *gate;
static atomic_int arrived;

static int wait_at_gate(void *arg)
{
    (void)arg;
    atomic_fetch_add(&arrived, 1);
    MUST(rung_recv(gate, NULL));
    rung_waitgroup_done(&left);
    return 0;
}

/* A line of /proc/self/status such as "VmRSS:", in bytes. */
static double status_bytes(const char *name)
{
    char line[256];
    long kilobytes = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kilobytes = atol(line + strlen(name));
    if (kilobytes < 0)
        abort();
    fclose(status);
    return (double)kilobytes * 1024;
}

static double measure_parked(const rung_go_options *options)
{
    static double resident_before, tables_before; /* before the first batch of the process */
    if (resident_before == 0) {
        resident_before = status_bytes("VmRSS:");
        tables_before = status_bytes("VmPTE:");
    }
    gate = chan_new(sizeof(int), 0);
    atomic_store(&arrived, 0);
    rung_waitgroup_add(&left, PARKED);
    for (int i = 0; i < PARKED; i++)
        must(rung_go_with(options, wait_at_gate, NULL), "rung_go_with");
    while (atomic_load(&arrived) < PARKED)
        rung_yield();
    MUST(rung_sleep(RUNG_MILLISECONDS(1))); /* the last ones go from `arrived` to parked */
    double resident = (status_bytes("VmRSS:") - resident_before) / PARKED;
    double tables = (status_bytes("VmPTE:") - tables_before) / PARKED;
    remark(" (RSS %.0f, page tables %.0f)", resident, tables);
    rung_chan_close(gate);
    MUST(rung_waitgroup_wait(&left));
    rung_chan_free(gate);
    return resident + tables;
}

double batch_parked(void)
{
    return measure_parked(NULL);
}

double batch_parked_64k(void)
{
    const rung_go_options options = { .stack_size = 64 * 1024 };
    return measure_parked(&options);
}
