/* SPDX-License-Identifier: MIT */
/*
 * trace_play.c: programs whose traces are known beforehand; trace_play.py knows them too. `trace_play PLAY [FILE]`
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <rung.h>
#include <rung_debug.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define MS(n) RUNG_MILLISECONDS(n)

static rung_chan *chan;
static rung_mutex mutex;

static void compute(int64_t ns)
{
    int64_t until = rung_now() + ns;
    while (rung_now() < until)
        continue;
}

static void nap(int64_t ns)
{
    struct timespec time = { ns / 1000000000, ns % 1000000000 };
    nanosleep(&time, NULL);
}

static const char *with_suffix(const char *file, const char *suffix, char text[4096])
{
    snprintf(text, 4096, "%s.%s", file, suffix);
    return text;
}

static void wait_for_file(const char *path)
{
    while (access(path, R_OK) != 0)
        rung_sleep(MS(5));
}

/* ---- truth: what this goroutine does is told in trace_play.py, line for line ---- */

static int actor(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(MS(20)), 0);
    EXPECT_EQ(rung_recv(chan, NULL), 1);  /* the partner sends 30 ms later */
    rung_mutex_lock(&mutex);              /* the partner has it for 40 ms */
    rung_mutex_unlock(&mutex);
    EXPECT_EQ(rung_send(chan, NULL), 0);  /* the partner receives 25 ms later */
    rung_blocking_begin();
    nap(MS(15));
    rung_blocking_end();
    compute(MS(30));                      /* with the ticker waiting: its processor is taken */
    EXPECT_EQ(rung_sleep(MS(5)), 0);
    return 0;
}

static int partner(void *arg)
{
    (void)arg;
    rung_mutex_lock(&mutex);
    EXPECT_EQ(rung_sleep(MS(50)), 0);
    EXPECT_EQ(rung_send(chan, NULL), 0);
    EXPECT_EQ(rung_sleep(MS(40)), 0);
    rung_mutex_unlock(&mutex);
    EXPECT_EQ(rung_sleep(MS(25)), 0);
    EXPECT_EQ(rung_recv(chan, NULL), 1);
    return 0;
}

static int ticker(void *arg)
{
    for (int i = 0; i < 300; i++)
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    (void)arg;
    return 0;
}

/* Blocked below many frames. */
__attribute__((__noinline__)) static int dive(int depth)
{
    int below = depth > 0 ? dive(depth - 1) : (int)rung_sleep(MS(1));
    __asm__ volatile("" : "+r"(below)); /* no loop */
    return below;
}

static int diver(void *arg)
{
    (void)arg;
    return dive(50);
}

static int truth(void *arg)
{
    (void)arg;
    rung_group group;
    EXPECT_EQ(rung_chan_open(&chan, 0, 0), 0);
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, partner, NULL), 0);
    EXPECT_EQ(rung_group_go(&group, ticker, NULL), 0);
    EXPECT_EQ(rung_group_go(&group, actor, NULL), 0);
    EXPECT_EQ(rung_group_go(&group, diver, NULL), 0);
    return rung_group_wait(&group);
}

/* ---- notes: tasks, regions, logs, labels; and each wrong use of them ---- */

static void *notes_of_thread(void *arg)
{
    rung_region region;
    (void)arg;
    rung_log(0, "thread", "dropped");
    rung_label("dropped");
    rung_region_begin(&region, 0, "dropped");
    EXPECT_EQ(rung_region_end(&region), 0);
    rung_task_end(rung_task_begin("dropped", 0));
    return NULL;
}

static int notes_of_other(void *arg)
{
    rung_region *region = arg, own;
    EXPECT_EQ(rung_region_end(region), -EINVAL);
    rung_region_begin(&own, 0, "left open"); /* ends with its goroutine */
    return 0;
}

static int notes(void *arg)
{
    static char label[10240];
    rung_region outer, inner, again;
    rung_group group;
    (void)arg;
    rung_task task = rung_task_begin("request", 0);
    rung_task child = rung_task_begin("part", task);
    EXPECT(task != 0 && child != 0 && child != task);
    rung_region_begin(&outer, task, "outer");
    rung_region_begin(&inner, child, "inner");
    EXPECT_EQ(rung_region_end(&outer), -EINVAL); /* not the innermost */
    rung_log(child, "category", "message");
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, notes_of_other, &inner), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_region_end(&inner), 0);
    EXPECT_EQ(rung_region_end(&inner), -EINVAL); /* twice */
    EXPECT_EQ(rung_region_end(&outer), 0);
    rung_task_end(child);
    rung_task_end(child); /* twice: Go's reader takes it */
    rung_task_end(0);
    rung_task_end(task);
    memset(label, 'x', sizeof label - 1);
    rung_label(label); /* cut */
    rung_label("\xff\xfe caf\xc3\xa9 \xed\xa0\x80");
    rung_log(0, NULL, "");
    rung_region_begin(&again, 0, NULL);
    EXPECT_EQ(rung_region_end(&again), 0);
    pthread_t thread;
    EXPECT_EQ(pthread_create(&thread, NULL, notes_of_thread, NULL), 0);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    return 0;
}

/* ---- texts: more different ones than a generation has room for ---- */

static int texts(void *arg)
{
    char text[32];
    (void)arg;
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "text %d", i);
        rung_log(0, "texts", text);
    }
    return 0;
}

/* ---- many: traces begin and end while goroutines run, block, hog and come and go ---- */

static atomic_bool is_over;
static atomic_int started, begun;
static _Atomic int64_t *beat; /* of the last event at least, for who looks at a killed one's leavings; or NULL */

/* That the goroutine went to sleep, and on, was told after the time that the beat shows, and before it shows it. */
static void sleep_told(void)
{
    int64_t before = rung_now();
    rung_sleep(100000);
    if (beat != NULL)
        *beat = before;
}

static int busy(void *arg)
{
    uint64_t seed = (uintptr_t)arg;
    while (!is_over) {
        seed = seed * 6364136223846793005u + 1;
        switch (seed >> 60) {
        case 0: compute(MS(12)); break;
        case 1: nap(MS(2)); break;
        case 2: case 3: sleep_told(); break;
        case 4: rung_pin(); rung_yield(); rung_unpin(); break;
        case 5: rung_blocking_begin(); nap(200000); rung_blocking_end(); break;
        case 6: case 7: case 8: rung_try_send(chan, NULL); break;
        case 9: rung_try_recv(chan, NULL); break;
        case 10: case 11: rung_mutex_lock(&mutex); rung_yield(); rung_mutex_unlock(&mutex); break;
        default: rung_yield();
        }
    }
    return 0;
}

static int short_lived(void *arg)
{
    (void)arg;
    rung_yield();
    return 0;
}

static int spawner(void *arg)
{
    (void)arg;
    while (!is_over) {
        for (int i = 0; i < 50; i++)
            rung_go(short_lived, NULL);
        rung_sleep(300000);
    }
    return 0;
}

static void *plain_spawner(void *arg)
{
    (void)arg;
    while (!is_over) {
        rung_go(short_lived, NULL);
        rung_try_send(chan, NULL);
        nap(200000);
    }
    return NULL;
}

enum { STARTERS = 8, ATTEMPTS = 180, FEWEST_TRACES = 30 };

static int starter(void *file)
{
    char path[4096];
    while (!is_over) {
        int number = atomic_fetch_add(&started, 1);
        snprintf(path, sizeof path, "%s.%d", (char *)file, number);
        rung_trace_options options = { .path = path, .generation_ns = number % 2 == 0 ? MS(1) : 0, .memory = 8 << 20 };
        options.version = number % 3 == 0 ? 23 : 25;
        int error = rung_trace_start(&options);
        EXPECT(error == 0 || error == -EBUSY);
        begun += error == 0;
        rung_sleep(MS(3));
        error = rung_trace_stop();
        EXPECT(error == 0 || error == -ESRCH);
        if (number >= ATTEMPTS && begun >= FEWEST_TRACES)
            is_over = true;
    }
    return 0;
}

static int many(void *file)
{
    rung_group group;
    pthread_t thread;
    EXPECT_EQ(rung_chan_open(&chan, 0, 4), 0);
    EXPECT_EQ(pthread_create(&thread, NULL, plain_spawner, NULL), 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 1; i <= 12; i++)
        EXPECT_EQ(rung_group_go(&group, busy, (void *)(i * 77777)), 0);
    EXPECT_EQ(rung_group_go(&group, spawner, NULL), 0);
    for (int i = 0; i < STARTERS; i++)
        EXPECT_EQ(rung_group_go(&group, starter, file), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    return 0;
}

/* ---- slow: what reads the trace is slower than what makes it, with little memory ---- */

enum { ENOUGH_YIELDS = 600000 }; /* of one processor, where each is for somebody: more events than there are bytes */

static FILE *slow_file;
static atomic_int yields;

static int counted_pong(void *arg)
{
    (void)arg;
    while (!is_over) {
        rung_yield();
        is_over |= atomic_fetch_add(&yields, 1) > ENOUGH_YIELDS;
    }
    return 0;
}

static void run_pongs(void)
{
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(rung_group_go(&group, counted_pong, NULL), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
}

/* Not before more has been made than there is memory for. */
static int write_slowly(void *arg, const void *bytes, size_t count)
{
    (void)arg;
    while (!is_over)
        nap(MS(5));
    return fwrite(bytes, 1, count, slow_file) == count ? 0 : -EIO;
}

static int slow(void *file)
{
    rung_trace_options options = { .write = write_slowly, .memory = 1 << 20, .generation_ns = MS(20) };
    slow_file = fopen(file, "w");
    EXPECT(slow_file != NULL);
    EXPECT_EQ(rung_trace_start(&options), 0);
    run_pongs();
    int error = rung_trace_stop();
    printf("slow: %d\n", error);
    fclose(slow_file);
    return 0;
}

/* ---- lossy: more than the memory holds, while the file is a pipe that nobody reads; then little, and that is told again ---- */

static int lossy(void *file)
{
    char text[4096], gone[4096];
    rung_trace_options options = { .path = strcpy(gone, file), .memory = 1 << 20, .generation_ns = MS(20) };
    EXPECT_EQ(rung_trace_start(&options), 0);
    memset(gone, 'x', strlen(gone)); /* the next file is called after the first */
    rung_log(0, "lossy", "begin");
    rung_sleep(MS(30));
    run_pongs();
    fclose(fopen(with_suffix(file, "read", text), "w")); /* the reader begins */
    wait_for_file(with_suffix(file, "part2", text));
    for (int i = 0; i < 50; i++) { /* the generations that are on were full before */
        EXPECT_EQ(rung_sleep(MS(20)), 0);
        rung_log(0, "lossy", "end");
    }
    printf("lossy: %d\n", rung_trace_stop());
    return 0;
}

/* ---- flight recorders ---- */

static void start_load(rung_group *group)
{
    EXPECT_EQ(rung_chan_open(&chan, 0, 4), 0);
    rung_group_open(group, RUNG_FOREVER);
    for (uintptr_t i = 1; i <= 12; i++)
        EXPECT_EQ(rung_group_go(group, busy, (void *)(i * 77777)), 0);
    EXPECT_EQ(rung_group_go(group, spawner, NULL), 0);
}

static void on_usr1(int signal_number)
{
    (void)signal_number;
    rung_flight_trigger();
}

/* Two recorders and a trace at once; both are asked, one is triggered: by a region that takes long, and by a signal. */
static int flight(void *file)
{
    char a[4096], b[4096], t[4096], dump[4096], dump1[4096];
    rung_group group;
    rung_flight *large, *small;
    rung_region region;
    rung_flight_options options = { .dump = with_suffix(file, "dump", dump), .region_limit_ns = MS(30), .age_ns = MS(800) };
    rung_trace_options traced = { .path = with_suffix(file, "t", t), .generation_ns = MS(5) };
    EXPECT_EQ(rung_flight_start(&large, &options), 0);
    memset(dump, 'x', strlen(dump)); /* the recorder has its own */
    options = (rung_flight_options){ .memory = 1 << 20, .age_ns = MS(80) };
    EXPECT_EQ(rung_flight_start(&small, &options), 0);
    options.file = with_suffix(file, "file", a);
    rung_flight *other;
    EXPECT_EQ(rung_flight_start(&other, &options), -EBUSY); /* the memory is no file */
    start_load(&group);
    rung_sleep(MS(300));
    EXPECT_EQ(rung_trace_start(&traced), 0);
    rung_sleep(MS(50));
    EXPECT_EQ(rung_flight_save(large, with_suffix(file, "a", a)), 0);
    EXPECT_EQ(rung_flight_save(small, with_suffix(file, "b", b)), 0);
    rung_sleep(MS(50));
    EXPECT_EQ(rung_trace_stop(), 0);
    rung_region_begin(&region, 0, "slow");
    rung_sleep(MS(40));
    EXPECT_EQ(rung_region_end(&region), 0);
    wait_for_file(with_suffix(file, "dump.1", dump1));
    EXPECT_EQ(rung_flight_stop(small), 0);
    EXPECT_EQ(rung_flight_stop(small), -EINVAL);
    EXPECT_EQ(rung_flight_save(small, "/dev/null"), -EINVAL);
    EXPECT(signal(SIGUSR1, on_usr1) != SIG_ERR);
    EXPECT_EQ(raise(SIGUSR1), 0);
    wait_for_file(with_suffix(file, "dump.2", dump1));
    rung_sleep(MS(100));
    is_over = true;
    return rung_group_wait(&group); /* the large one ends with the run */
}

/* ---- late: a region begins where there is no room for its name, and ends where there is ---- */

static atomic_bool holds, is_held;

static int write_held(void *fd, const void *bytes, size_t count)
{
    if (holds)
        is_held = true;
    while (holds)
        nap(MS(1));
    return write(*(int *)fd, bytes, count) == (ssize_t)count ? 0 : -EIO;
}

static int swallow(void *arg, const void *bytes, size_t count)
{
    (void)arg, (void)bytes, (void)count;
    return 0;
}

static void log_texts(int first, int count)
{
    char text[32];
    for (int i = first; i < first + count; i++) {
        snprintf(text, sizeof text, "text %d", i);
        rung_log(0, "late", text);
    }
}

static int late(void *file)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600), texts = 0;
    rung_trace_options options = { .write = write_held, .write_arg = &fd };
    rung_flight_options others = { .memory = 0 };
    rung_flight *flight;
    rung_region region;
    EXPECT_EQ(rung_trace_start(&options), 0);
    EXPECT_EQ(rung_flight_start(&flight, &others), 0);
    for (holds = true; !is_held; texts += 1000) /* a full table ends a generation, which is not written now */
        log_texts(texts, 1000);
    log_texts(texts, 20000);
    rung_region_begin(&region, 0, "too late");
    holds = false;
    EXPECT_EQ(rung_flight_snapshot(flight, swallow, NULL), 0); /* another one begins */
    EXPECT_EQ(rung_region_end(&region), 0);
    EXPECT_EQ(rung_trace_stop(), 0);
    return close(fd);
}

/* ---- regions: a hundred slow ones trigger, and no more do ---- */

static void be_slow(void)
{
    rung_region region;
    rung_region_begin(&region, 0, "slow");
    EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(10)), 0);
    EXPECT_EQ(rung_region_end(&region), 0);
}

static int regions(void *file)
{
    char dump[4096], name[4096], number[16];
    rung_flight *recorder;
    rung_flight_options options = { .memory = 1 << 20, .dump = with_suffix(file, "dump", dump), .region_limit_ns = 1 };
    EXPECT_EQ(rung_flight_start(&recorder, &options), 0);
    for (int i = 1; i <= 100; i++) {
        snprintf(number, sizeof number, "dump.%d", i);
        be_slow();
        wait_for_file(with_suffix(file, number, name));
    }
    for (int i = 0; i < 20; i++) {
        be_slow();
        EXPECT_EQ(rung_sleep(MS(2)), 0);
    }
    EXPECT(access(with_suffix(file, "dump.101", name), F_OK) != 0);
    rung_flight_trigger(); /* who asks still gets one */
    wait_for_file(name);
    return rung_flight_stop(recorder);
}

static void start_recorder(const char *file)
{
    char dump[4096];
    rung_flight *recorder;
    EXPECT_EQ(rung_flight_start(&recorder, &(rung_flight_options){ .dump = with_suffix(file, "dump", dump) }), 0);
}

static atomic_int panickers;

/* Within the runtime, at the same moment as another: it waits for that one's end, and no trace may wait for it. */
static int panics_too(void *arg)
{
    (void)arg;
    panickers++;
    while (panickers < 2)
        continue;
    rung_chan_close(NULL);
    return 0;
}

static int panics(void *file)
{
    rung_group group;
    start_recorder(file);
    start_load(&group);
    rung_sleep(MS(100));
    EXPECT_EQ(rung_go(panics_too, NULL), 0);
    while (panickers == 0)
        rung_sleep(MS(1));
    panickers++;
    rung_panic("planned");
}

static int waits_for_nobody(void *nobody)
{
    return rung_recv(nobody, NULL);
}

static int deadlocks(void *file)
{
    start_recorder(file);
    EXPECT_EQ(rung_chan_open(&chan, 0, 0), 0);
    EXPECT_EQ(rung_go(waits_for_nobody, chan), 0);
    return rung_recv(chan, NULL);
}

static int recurses(volatile int *depth)
{
    volatile int here = *depth + 1;
    return here < 0 ? 0 : recurses(&here) + *depth;
}

static int goes_too_deep(void *arg)
{
    volatile int depth = 0;
    (void)arg;
    return recurses(&depth);
}

static int overflows(void *file)
{
    rung_group group;
    start_recorder(file);
    start_load(&group);
    EXPECT_EQ(rung_go(goes_too_deep, NULL), 0);
    return rung_group_wait(&group);
}

static int stays(void *arg, const void *bytes, size_t count)
{
    (void)arg;
    (void)bytes;
    for (;;)
        pause();
    return (int)count;
}

static int asks(void *recorder)
{
    return rung_flight_snapshot(recorder, stays, NULL);
}

/* Until it is killed: nobody takes buffers away any more, and there are none left. */
static int stuck(void *file)
{
    rung_group group;
    rung_flight *recorder;
    EXPECT_EQ(rung_flight_start(&recorder, &(rung_flight_options){ .memory = 1 << 20, .file = file }), 0);
    start_load(&group);
    rung_sleep(MS(20));
    EXPECT_EQ(rung_go(asks, recorder), 0);
    for (int i = 0; i < 7000000; i++) { /* 6 bytes each; of memory there are 32 MiB */
        rung_log(0, "stuck", "line");
        if (i % 500000 == 0)
            rung_yield();
    }
    rung_sleep(MS(200));
    printf("full\n");
    fflush(stdout);
    return rung_group_wait(&group);
}

/* Until it is killed. The file holds the beat. */
static int load(void *file)
{
    rung_group group;
    int fd = file != NULL ? open(file, O_RDWR | O_CREAT, 0600) : -1;
    if (fd >= 0) {
        EXPECT_EQ(ftruncate(fd, sizeof *beat), 0);
        beat = mmap(NULL, sizeof *beat, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        EXPECT(beat != MAP_FAILED);
    }
    start_load(&group);
    return rung_group_wait(&group);
}

/* ---- samples: two hogs, and the samples of each ---- */

static int64_t cpu_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

#define HOG(name, step) /* no two alike: a compiler makes those one */ \
    __attribute__((__noinline__)) static uint64_t spin_##name(uint64_t value) \
    { \
        for (int i = 0; i < 100000; i++) \
            value = value * 6364136223846793005u + step; \
        return value; \
    } \
    __attribute__((__noinline__)) static uint64_t work_##name(void) \
    { \
        uint64_t value = 1; \
        for (int64_t until = cpu_time() + MS(400); cpu_time() < until;) \
            value = spin_##name(value); \
        return value; \
    } \
    static int hog_##name(void *sum) \
    { \
        rung_label("label " #name); \
        *(uint64_t *)sum = work_##name(); \
        return 0; \
    }

HOG(one, 1)
HOG(two, 3)

static int samples(void *arg)
{
    static uint64_t sums[2];
    rung_group group;
    (void)arg;
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, hog_one, &sums[0]), 0);
    EXPECT_EQ(rung_group_go(&group, hog_two, &sums[1]), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    return 0;
}

/* ---- naps: between two of them the thread is on g0, and comes out of no goroutine ---- */

static int naps(void *arg)
{
    (void)arg;
    for (clock_t until = clock() + CLOCKS_PER_SEC; clock() < until;) /* of CPU time, as samples are */
        EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(20)), 0);
    return 0;
}

/* ---- ends that are none of rung's ---- */

static int exits(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(20)), 0);
    exit(0);
}

/* ---- main ---- */

static const struct {
    const char *name;
    rung_function *play;
} plays[] = { { "truth", truth }, { "notes", notes }, { "many", many }, { "slow", slow }, { "lossy", lossy },
            { "samples", samples }, { "naps", naps }, { "flight", flight }, { "panics", panics },
            { "deadlocks", deadlocks }, { "overflows", overflows }, { "load", load }, { "regions", regions }, { "texts", texts },
            { "late", late }, { "stuck", stuck }, { "exits", exits } };

int main(int count, char **arguments)
{
    for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++)
        if (count >= 2 && strcmp(arguments[1], plays[i].name) == 0)
            return rung_run(plays[i].play, count > 2 ? arguments[2] : NULL) != 0;
    fprintf(stderr, "no such play\n");
    return 2;
}
