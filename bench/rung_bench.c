/* SPDX-License-Identifier: MIT */
/*
 * rung_bench.c: `rung_bench WORKLOAD --seconds S` runs one workload of rung's, and prints one line:
 * `workload value unit`, with the best of the batches that fit into S seconds (one at least).
 *
 * The suffix -1p or -2p of a workload's name is the number of processors (RUNG_PROCS); a workload
 * without one has 1. Lower is better everywhere. README.md says what is measured, and how.
 * `rung_bench nap-server ADDRESS` is for bench_net.py.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

enum processors { ANY_COUNT = 1, ONE_ONLY, UNNAMED }; /* -1p and -2p; -1p; no suffix: one */

static const struct workload {
    const char *name; /* without the suffix */
    const char *unit;
    enum processors processors;
    batch_function *batch;
} workloads[] = {
    { "yield", "ns", ANY_COUNT, batch_yield },
    { "pingpong", "ns", ANY_COUNT, batch_pingpong },
    { "buffered", "ns", ANY_COUNT, batch_buffered },
    { "spawn", "ns", ANY_COUNT, batch_spawn },
    { "spawnjoin", "ns", ONE_ONLY, batch_spawnjoin },
    { "select3", "ns", ANY_COUNT, batch_select3 },
    { "mutex4", "ns", ANY_COUNT, batch_mutex4 },
    { "skynet", "ms", ANY_COUNT, batch_skynet },
    { "sieve2000", "ms", ANY_COUNT, batch_sieve },
    { "ring503", "ns", ANY_COUNT, batch_ring },
    { "echo64", "ns", ANY_COUNT, batch_echo },
    { "timer-reset", "ns", UNNAMED, batch_timer_reset },
    { "deadline", "ns", UNNAMED, batch_deadline },
    { "sleep100us-p99-late", "us", UNNAMED, batch_nap },
    { "parked1m", "B", UNNAMED, batch_parked },
    { "parked1m-64k", "B", UNNAMED, batch_parked_64k },
    { "sleepers", "x", UNNAMED, batch_sleepers },
    { "timers", "x", UNNAMED, batch_timers },
};

struct run {
    const struct workload *workload;
    int64_t duration_ns;
    double best;
    char remark[128]; /* of the best batch */
};

static char last_remark[128];

void must(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "rung_bench: %s: %s\n", what, strerror(-result));
    exit(1);
}

void remark(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(last_remark, sizeof last_remark, format, list);
    va_end(list);
}

int64_t cpu_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

void start(rung_function *fn, void *arg)
{
    must(rung_go(fn, arg), "rung_go");
}

rung_chan *chan_new(size_t item_size, size_t capacity)
{
    rung_chan *chan;
    must(rung_chan_open(&chan, item_size, capacity), "rung_chan_open");
    return chan;
}

static int run_batches(void *arg)
{
    struct run *run = arg;
    int64_t end = rung_now() + run->duration_ns;
    bool is_first = true;
    do {
        double value = run->workload->batch();
        if (is_first || value < run->best) {
            run->best = value;
            memcpy(run->remark, last_remark, sizeof last_remark);
        }
        is_first = false;
    } while (rung_now() < end);
    return 0;
}

/* The workload of that name, and its number of processors; NULL if there is none. */
static const struct workload *find_workload(const char *name, const char **processors)
{
    size_t length = strlen(name);
    const char *suffix = length > 3 ? name + length - 3 : "";
    bool has_suffix = !strcmp(suffix, "-1p") || !strcmp(suffix, "-2p");
    if (has_suffix)
        length -= 3;
    *processors = has_suffix && suffix[1] == '2' ? "2" : "1";
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        const struct workload *workload = &workloads[i];
        if (strlen(workload->name) != length || memcmp(workload->name, name, length) != 0)
            continue;
        if (has_suffix == (workload->processors == UNNAMED))
            return NULL;
        return workload->processors == ONE_ONLY && **processors != '1' ? NULL : workload;
    }
    return NULL;
}

static int usage(void)
{
    fprintf(stderr, "usage: rung_bench WORKLOAD [--seconds S], where WORKLOAD is one of");
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        const struct workload *workload = &workloads[i];
        if (workload->processors != UNNAMED)
            fprintf(stderr, " %s-1p", workload->name);
        if (workload->processors != ONE_ONLY)
            fprintf(stderr, " %s%s", workload->name, workload->processors == UNNAMED ? "" : "-2p");
    }
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    const char *processors;
    double seconds = 1;
    if (argc == 3 && !strcmp(argv[1], "nap-server"))
        return rung_run(nap_server, argv[2]) < 0;
    if (argc == 4 && !strcmp(argv[2], "--seconds"))
        seconds = atof(argv[3]);
    else if (argc != 2)
        return usage();
    struct run run = { find_workload(argv[1], &processors), (int64_t)(seconds * 1e9), 0, "" };
    if (run.workload == NULL)
        return usage();
    setenv("RUNG_PROCS", processors, 1);
    must(rung_run(run_batches, &run), "rung_run");
    int decimals = run.best < 100 ? 2 : 1;
    printf("%s %.*f %s%s\n", argv[1], decimals, run.best, run.workload->unit, run.remark);
    return 0;
}
