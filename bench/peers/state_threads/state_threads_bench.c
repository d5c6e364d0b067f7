/* SPDX-License-Identifier: MIT */
/*
 * state_threads_bench.c: the workloads of rung_bench over State Threads, which has one kernel thread
 * and no channels: those here are hand-written over st_cond_t, without locks, since nothing else can
 * run between two blocking calls. `PROGRAM WORKLOAD --seconds S` prints `workload value unit`.
 */
#include <st.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    STACK_SIZE = 64 * 1024,
    YIELDS = 1000000,
    ROUND_TRIPS = 200000,
    BUFFERED_ITEMS = 1000000,
    SPAWN_WAVES = 200,
    SPAWN_WAVE = 1000,
    JOINS = 100000,
    ADDITIONS = 4000000,
    SKYNET_LEAVES = 1000000,
    SIEVE_PRIMES = 2000,
    RING_LENGTH = 503,
    RING_HOPS = RING_LENGTH * 400,
    NAPS = 2000,
    PARKED = 1000000,
};

static char last_remark[128];

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void start(void *(*fn)(void *), void *arg)
{
    if (st_thread_create(fn, arg, 0, STACK_SIZE) == NULL) {
        perror("st_thread_create");
        exit(1);
    }
}

/* ---- a channel: a ring of slots; capacity 1 is the mailbox that stands for a rendezvous ----- */

struct chan {
    st_cond_t readers, writers;
    unsigned capacity, count, head;
    long slots[];
};

static struct chan *chan_open(unsigned capacity)
{
    struct chan *chan = calloc(1, sizeof *chan + capacity * sizeof *chan->slots);
    chan->readers = st_cond_new();
    chan->writers = st_cond_new();
    chan->capacity = capacity;
    return chan;
}

static void chan_free(struct chan *chan)
{
    st_cond_destroy(chan->readers);
    st_cond_destroy(chan->writers);
    free(chan);
}

static inline void chan_send(struct chan *chan, long item)
{
    while (chan->count == chan->capacity)
        st_cond_wait(chan->writers);
    unsigned at = chan->head + chan->count;
    chan->slots[at >= chan->capacity ? at - chan->capacity : at] = item;
    if (chan->count++ == 0)
        st_cond_signal(chan->readers);
}

static inline long chan_recv(struct chan *chan)
{
    while (chan->count == 0)
        st_cond_wait(chan->readers);
    long item = chan->slots[chan->head];
    chan->head = chan->head + 1 == chan->capacity ? 0 : chan->head + 1;
    if (chan->count-- == chan->capacity)
        st_cond_signal(chan->writers);
    return item;
}

/* ---- a wait group ------------------------------------------------------------------------- */

static int left;
static st_cond_t none_left;

static void done(void)
{
    if (--left == 0)
        st_cond_signal(none_left);
}

static void wait_all(void)
{
    while (left > 0)
        st_cond_wait(none_left);
}

/* ---- yield, pingpong, buffered ------------------------------------------------------------ */

static void *yield_often(void *arg)
{
    for (int i = 0; i < YIELDS / 2; i++)
        st_usleep(0); /* the nearest to a yield that there is */
    done();
    return arg;
}

static double batch_yield(void)
{
    int64_t begin = now();
    left = 2;
    start(yield_often, NULL);
    start(yield_often, NULL);
    wait_all();
    return (double)(now() - begin) / YIELDS;
}

static struct chan *there, *back;

static void *echo(void *arg)
{
    for (int i = 0; i < ROUND_TRIPS; i++)
        chan_send(back, chan_recv(there));
    return arg;
}

static double batch_pingpong(void)
{
    there = chan_open(1);
    back = chan_open(1);
    start(echo, NULL);
    int64_t begin = now();
    for (int i = 0; i < ROUND_TRIPS; i++) {
        chan_send(there, i);
        chan_recv(back);
    }
    double result = (double)(now() - begin) / ROUND_TRIPS;
    chan_free(there);
    chan_free(back);
    return result;
}

static void *send_all(void *arg)
{
    for (int i = 0; i < BUFFERED_ITEMS; i++)
        chan_send(arg, i);
    return NULL;
}

static double batch_buffered(void)
{
    struct chan *chan = chan_open(128);
    int64_t begin = now();
    start(send_all, chan);
    for (int i = 0; i < BUFFERED_ITEMS; i++)
        chan_recv(chan);
    double result = (double)(now() - begin) / BUFFERED_ITEMS;
    chan_free(chan);
    return result;
}

/* ---- spawn, spawnjoin, skynet -------------------------------------------------------------- */

static void *report(void *arg)
{
    done();
    return arg;
}

static double batch_spawn(void)
{
    int64_t begin = now();
    for (int wave = 0; wave < SPAWN_WAVES; wave++) {
        left = SPAWN_WAVE;
        for (int i = 0; i < SPAWN_WAVE; i++)
            start(report, NULL);
        wait_all();
    }
    return (double)(now() - begin) / (SPAWN_WAVES * SPAWN_WAVE);
}

static void *send_one(void *arg)
{
    chan_send(arg, 1);
    return NULL;
}

static double batch_spawnjoin(void)
{
    struct chan *chan = chan_open(1);
    int64_t begin = now();
    for (int i = 0; i < JOINS; i++) {
        start(send_one, chan);
        chan_recv(chan);
    }
    double result = (double)(now() - begin) / JOINS;
    chan_free(chan);
    return result;
}

struct node {
    struct chan *parent;
    long number, leaves;
};

static void *skynet(void *arg)
{
    struct node *node = arg;
    if (node->leaves == 1) {
        chan_send(node->parent, node->number);
        return NULL;
    }
    struct chan *sums = chan_open(1);
    struct node children[10];
    for (int i = 0; i < 10; i++) {
        long leaves = node->leaves / 10;
        children[i] = (struct node){ sums, node->number + i * leaves, leaves };
        start(skynet, &children[i]);
    }
    long sum = 0;
    for (int i = 0; i < 10; i++)
        sum += chan_recv(sums);
    chan_free(sums);
    chan_send(node->parent, sum);
    return NULL;
}

static double batch_skynet(void)
{
    struct chan *result = chan_open(1);
    struct node root = { result, 0, SKYNET_LEAVES };
    int64_t begin = now();
    start(skynet, &root);
    if (chan_recv(result) != (long)SKYNET_LEAVES * (SKYNET_LEAVES - 1) / 2)
        abort();
    double milliseconds = (double)(now() - begin) / 1e6;
    chan_free(result);
    return milliseconds;
}

/* ---- mutex4 --------------------------------------------------------------------------------- */

static st_mutex_t mutex;
static long total;

static void *add(void *arg)
{
    for (int i = 0; i < ADDITIONS / 4; i++) {
        st_mutex_lock(mutex);
        total++;
        st_mutex_unlock(mutex);
    }
    done();
    return arg;
}

static double batch_mutex4(void)
{
    mutex = st_mutex_new();
    int64_t begin = now();
    left = 4;
    for (int i = 0; i < 4; i++)
        start(add, NULL);
    wait_all();
    double result = (double)(now() - begin) / ADDITIONS;
    st_mutex_destroy(mutex);
    return result;
}

/* ---- sieve2000: as in Go, the filters of a sieve that is done stay parked for ever ----------- */

struct stage {
    struct chan *source, *target;
    long prime;
};

static void *generate(void *arg)
{
    for (long number = 2;; number++)
        chan_send(arg, number);
    return NULL;
}

static void *filter(void *arg)
{
    struct stage stage = *(struct stage *)arg;
    free(arg);
    for (;;) {
        long number = chan_recv(stage.source);
        if (number % stage.prime != 0)
            chan_send(stage.target, number);
    }
    return NULL;
}

static double batch_sieve(void)
{
    int64_t begin = now();
    struct chan *source = chan_open(1);
    start(generate, source);
    for (int i = 1;; i++) {
        long prime = chan_recv(source);
        if (i == SIEVE_PRIMES) {
            if (prime != 17389)
                abort();
            return (double)(now() - begin) / 1e6;
        }
        struct stage *stage = malloc(sizeof *stage);
        *stage = (struct stage){ source, chan_open(1), prime };
        source = stage->target;
        start(filter, stage);
    }
}

/* ---- ring503 --------------------------------------------------------------------------------- */

static struct chan *links[RING_LENGTH], *ring_done;

static void *pass_on(void *arg)
{
    intptr_t at = (intptr_t)arg;
    struct chan *source = links[at], *target = links[(at + 1) % RING_LENGTH];
    for (;;) {
        long token = chan_recv(source) - 1;
        if (token < 0)
            break;
        chan_send(token > 0 ? target : ring_done, token);
    }
    done();
    return NULL;
}

static double batch_ring(void)
{
    ring_done = chan_open(1);
    for (int i = 0; i < RING_LENGTH; i++)
        links[i] = chan_open(1);
    left = RING_LENGTH;
    for (intptr_t i = 0; i < RING_LENGTH; i++)
        start(pass_on, (void *)i);
    int64_t begin = now();
    chan_send(links[0], RING_HOPS);
    chan_recv(ring_done);
    double result = (double)(now() - begin) / RING_HOPS;
    for (int i = 0; i < RING_LENGTH; i++)
        chan_send(links[i], 0);
    wait_all();
    for (int i = 0; i < RING_LENGTH; i++)
        chan_free(links[i]);
    chan_free(ring_done);
    return result;
}

/* ---- sleep100us-p99-late, parked1m ----------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double batch_nap(void)
{
    static int64_t late[NAPS];
    for (int i = 0; i < NAPS; i++) {
        int64_t begin = now();
        st_usleep(100);
        late[i] = now() - begin - 100000;
    }
    qsort(late, NAPS, sizeof *late, compare_times);
    return (double)late[NAPS * 99 / 100] / 1e3;
}

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

static st_cond_t gate;
static int arrived;

static void *wait_at_gate(void *arg)
{
    arrived++;
    st_cond_wait(gate);
    done();
    return arg;
}

static double batch_parked(void)
{
    static double resident_before, tables_before;
    if (resident_before == 0) {
        resident_before = status_bytes("VmRSS:");
        tables_before = status_bytes("VmPTE:");
    }
    gate = st_cond_new();
    arrived = 0;
    left = PARKED;
    for (int i = 0; i < PARKED; i++)
        start(wait_at_gate, NULL);
    while (arrived < PARKED)
        st_usleep(0);
    double resident = (status_bytes("VmRSS:") - resident_before) / PARKED;
    double tables = (status_bytes("VmPTE:") - tables_before) / PARKED;
    snprintf(last_remark, sizeof last_remark, " (RSS %.0f, page tables %.0f)", resident, tables);
    st_cond_broadcast(gate);
    wait_all();
    st_cond_destroy(gate);
    return resident + tables;
}

static const struct workload {
    const char *name, *unit;
    double (*batch)(void);
} workloads[] = {
    { "yield-1p", "ns", batch_yield },
    { "pingpong-1p", "ns", batch_pingpong },
    { "buffered-1p", "ns", batch_buffered },
    { "spawn-1p", "ns", batch_spawn },
    { "spawnjoin-1p", "ns", batch_spawnjoin },
    { "mutex4-1p", "ns", batch_mutex4 },
    { "skynet-1p", "ms", batch_skynet },
    { "sieve2000-1p", "ms", batch_sieve },
    { "ring503-1p", "ns", batch_ring },
    { "sleep100us-p99-late", "us", batch_nap },
    { "parked1m", "B", batch_parked },
    { "parked1m-64k", "B", batch_parked },
};

static void run(const struct workload *workload, double seconds)
{
    char remark[sizeof last_remark];
    double best = 0;
    int64_t end = now() + (int64_t)(seconds * 1e9);
    do {
        double value = workload->batch();
        if (best == 0 || value < best) {
            best = value;
            memcpy(remark, last_remark, sizeof remark);
        }
    } while (now() < end);
    printf("%s %.2f %s%s\n", workload->name, best, workload->unit, remark);
}

int main(int argc, char **argv)
{
    if (argc != 2 && !(argc == 4 && !strcmp(argv[2], "--seconds"))) {
        fprintf(stderr, "usage: %s WORKLOAD [--seconds S]\n", argv[0]);
        return 2;
    }
    st_init();
    none_left = st_cond_new();
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        if (strcmp(workloads[i].name, argv[1]) == 0) {
            run(&workloads[i], argc == 4 ? atof(argv[3]) : 1);
            return 0;
        }
    }
    printf("%s n/a\n", argv[1]);
    return 0;
}
