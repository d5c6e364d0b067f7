/* SPDX-License-Identifier: MIT */
/*
 * trace_scarce.c: tracing where something is scarce; trace_scarce.py judges the traces. `trace_scarce PLAY FILE`
 *
 * memory: address space, more of it from step to step, while a trace and a recorder are begun and ended. disk: the trace's
 * file is full. reader: who reads the trace from a pipe is slow; or, with `gone`, goes away.
 */
#include <errno.h>
#include <pthread.h>
#include <rung.h>
#include <rung_debug.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define MS(n) RUNG_MILLISECONDS(n)
enum { ENOUGH = 60000 }; /* turns of which a trace is longer than any limit here */

static atomic_bool is_over;
static atomic_uint turns;

static int works(void *arg)
{
    (void)arg;
    while (!is_over) {
        atomic_fetch_add(&turns, 1);
        rung_yield();
        if (turns % 64 == 0)
            rung_sleep(100000);
    }
    return 0;
}

static void start_work(rung_group *group)
{
    rung_group_open(group, RUNG_FOREVER);
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(rung_group_go(group, works, NULL), 0);
}

static int stop_work(rung_group *group)
{
    is_over = true;
    return rung_group_wait(group);
}

/* Until the goroutines have had that many turns more, whatever is in the way of the trace. */
static void wait_for_turns(unsigned count)
{
    unsigned before = turns;
    while (turns - before < count)
        rung_sleep(MS(1));
}

/* ---- memory ---- */

static void limit(rlim_t bytes)
{
    struct rlimit old;
    EXPECT_EQ(getrlimit(RLIMIT_AS, &old), 0);
    EXPECT_EQ(setrlimit(RLIMIT_AS, &(struct rlimit){ bytes, old.rlim_max }), 0);
}

static bool is_scarcity(int error)
{
    return error == 0 || error == -ENOMEM || error == -EAGAIN || error == -ENOBUFS;
}

static int memory_step(const char *file, size_t more, int step)
{
    char path[4096], saved[4096];
    rung_flight *flight;
    snprintf(path, sizeof path, "%s.%d", file, step);
    snprintf(saved, sizeof saved, "%s.%d.saved", file, step);
    rung_trace_options options = { .path = path, .memory = 1 << 20, .generation_ns = MS(1) };
    limit(test_address_space() + more);
    int recorder = rung_flight_start(&flight, &(rung_flight_options){ .memory = 1 << 20 });
    int error = rung_trace_start(&options);
    bool has_begun = error == 0;
    EXPECT(is_scarcity(error) && is_scarcity(recorder));
    rung_sleep(MS(4));
    error = rung_trace_stop();
    EXPECT(has_begun ? is_scarcity(error) : error == -ESRCH);
    if (recorder == 0) {
        int kept = rung_flight_save(flight, saved);
        EXPECT(is_scarcity(kept));
        EXPECT_EQ(rung_flight_stop(flight), 0);
    }
    limit(RLIM_INFINITY);
    wait_for_turns(1000);
    return has_begun && error == 0 && recorder == 0;
}

static int memory(void *file)
{
    rung_group group;
    int steps = 0, whole = 0;
    start_work(&group);
    for (size_t more = 0; whole < 3; more += more / 4 + (64 << 10)) {
        EXPECT(steps < 100);
        whole += memory_step(file, more, steps++);
    }
    printf("%d steps\n", steps);
    return stop_work(&group);
}

/* ---- disk ---- */

static int disk(void *file)
{
    rung_group group;
    rung_trace_options options = { .path = file, .generation_ns = MS(2) };
    start_work(&group);
    EXPECT_EQ(rung_trace_start(&options), 0);
    wait_for_turns(ENOUGH);
    printf("%d\n", rung_trace_stop());
    wait_for_turns(1000);
    return stop_work(&group);
}

/* ---- reader ---- */

enum { PIECE = 4096, PIECES_UNTIL_GONE = 20 };

struct reader {
    int from;
    FILE *to;
    bool goes;
};

static void *reads_slowly(void *arg)
{
    struct reader *reader = arg;
    char bytes[PIECE];
    ssize_t count;
    for (int i = 0; (count = read(reader->from, bytes, sizeof bytes)) > 0; i++) {
        EXPECT_EQ(fwrite(bytes, 1, (size_t)count, reader->to), (size_t)count);
        nanosleep(&(struct timespec){ 0, MS(2) }, NULL);
        if (reader->goes && i == PIECES_UNTIL_GONE)
            break;
    }
    close(reader->from);
    return NULL;
}

static int read_by(const char *file, bool goes)
{
    rung_group group;
    pthread_t thread;
    int ends[2];
    struct reader reader = { .to = fopen(file, "w"), .goes = goes };
    EXPECT(reader.to != NULL);
    EXPECT_EQ(pipe(ends), 0);
    reader.from = ends[0];
    EXPECT_EQ(pthread_create(&thread, NULL, reads_slowly, &reader), 0);
    start_work(&group);
    EXPECT_EQ(rung_trace_start(&(rung_trace_options){ .fd = ends[1], .memory = 1 << 20, .generation_ns = MS(2) }), 0);
    wait_for_turns(ENOUGH);
    printf("%d\n", rung_trace_stop());
    close(ends[1]);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    fclose(reader.to);
    return stop_work(&group);
}

static int slow_reader(void *file)
{
    return read_by(file, false);
}

static int reader_gone(void *file)
{
    return read_by(file, true);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        rung_function *play;
    } plays[] = { { "memory", memory }, { "disk", disk }, { "reader", slow_reader }, { "gone", reader_gone } };
    for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++)
        if (count == 3 && strcmp(arguments[1], plays[i].name) == 0)
            return rung_run(plays[i].play, arguments[2]) != 0;
    fprintf(stderr, "no such play\n");
    return 2;
}
