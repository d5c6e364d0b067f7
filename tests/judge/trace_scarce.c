/* SPDX-License-Identifier: MIT */
/*
 * trace_scarce.c: tracing where something is scarce; trace_scarce.py judges the traces. `trace_scarce PLAY FILE`
 *
 * memory: address space, more of it from step to step, while a trace and a recorder are begun and ended. disk: the trace's
 * file is full. reader: who reads the trace from a pipe is slow; or, with `gone`, goes away.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <rung.h>
#include <rung_debug.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define MS(n) RUNG_MILLISECONDS(n)
enum { ENOUGH = 60000 }; /* turns that make more than a slow reader reads meanwhile */
enum { MANY_PIECES = 1000 };

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

static int works_a_little(void *arg)
{
    for (int i = 0; i < 250; i++)
        rung_yield();
    return arg != NULL;
}

/*
 * Of which a generation with two such pieces is shorter than any limit here. The next piece comes when something was written: a
 * thread of the trace's that has to wait for a processor shall not have a generation to write that is longer.
 */
static void work_a_little(void)
{
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(rung_group_go(&group, works_a_little, NULL), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
}

static off_t size_of(int fd)
{
    struct stat status;
    EXPECT_EQ(fstat(fd, &status), 0);
    return status.st_size;
}

/* The file is the trace's alone, until that has ended. */
static bool has_ended(int fd)
{
    return flock(fd, LOCK_SH | LOCK_NB) == 0;
}

static int disk(void *file)
{
    rung_trace_options options = { .path = file, .generation_ns = MS(2) };
    EXPECT_EQ(rung_trace_start(&options), 0);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    EXPECT(fd >= 0);
    for (int piece = 0; !has_ended(fd); piece++) {
        EXPECT(piece < MANY_PIECES);
        off_t before = size_of(fd);
        work_a_little();
        for (int64_t ns = MS(1); size_of(fd) <= before && !has_ended(fd); ns += ns / 2)
            rung_sleep(ns);
    }
    close(fd);
    printf("%d\n", rung_trace_stop());
    work_a_little();
    return 0;
}

/* ---- reader ---- */

enum { PIECE = 4096, PIECES_UNTIL_GONE = 20 };

struct reader {
    int from;
    FILE *to;
    bool goes;
    atomic_size_t count;
    atomic_bool is_gone;
};

static void *reads_slowly(void *arg)
{
    struct reader *reader = arg;
    char bytes[PIECE];
    ssize_t count;
    for (int i = 0; (count = read(reader->from, bytes, sizeof bytes)) > 0; i++) {
        EXPECT_EQ(fwrite(bytes, 1, (size_t)count, reader->to), (size_t)count);
        reader->count += (size_t)count;
        nanosleep(&(struct timespec){ 0, MS(2) }, NULL);
        if (reader->goes && i == PIECES_UNTIL_GONE)
            break;
    }
    close(reader->from);
    reader->is_gone = true;
    return NULL;
}

/* While it is read, `play` is done. */
static int read_by(struct reader *reader, const char *file, void (*play)(struct reader *reader))
{
    pthread_t thread;
    int ends[2];
    reader->to = fopen(file, "w");
    EXPECT(reader->to != NULL);
    EXPECT_EQ(pipe(ends), 0);
    reader->from = ends[0];
    EXPECT_EQ(pthread_create(&thread, NULL, reads_slowly, reader), 0);
    EXPECT_EQ(rung_trace_start(&(rung_trace_options){ .fd = ends[1], .memory = 1 << 20, .generation_ns = MS(2) }), 0);
    play(reader);
    printf("%d\n", rung_trace_stop());
    close(ends[1]);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    return fclose(reader->to);
}

static void works_fast(struct reader *reader)
{
    (void)reader;
    wait_for_turns(ENOUGH);
}

static void works_until_gone(struct reader *reader)
{
    while (!reader->is_gone) {
        size_t before = reader->count;
        work_a_little();
        for (int64_t ns = MS(1); reader->count == before && !reader->is_gone; ns += ns / 2)
            rung_sleep(ns);
    }
}

static int slow_reader(void *file)
{
    rung_group group;
    struct reader reader = { .goes = false };
    start_work(&group);
    EXPECT_EQ(read_by(&reader, file, works_fast), 0);
    return stop_work(&group);
}

static int reader_gone(void *file)
{
    struct reader reader = { .goes = true };
    return read_by(&reader, file, works_until_gone);
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
