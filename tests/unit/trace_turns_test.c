/* SPDX-License-Identifier: MIT */
/* test-traced: no */
/* test-presets: release debug asan ubsan clang lto lto-clang */
/* A generation ends when it is full or old, whatever its goroutines' number; or has many texts; and behind the last number is one. */
#include <stdio.h>
#include <unistd.h>

#include "../test.h"
#include "sched/trace.h"
#include "sched/tracer.h"
#include <rung.h>

#define MS(n) RUNG_MILLISECONDS(n)
enum { MANY = 10000 };

static uint32_t generation(void)
{
    return atomic_load_relaxed(&tracing.generation);
}

/* ---- many: their names alone take more buffers than a generation may fill ---- */

static int waits(void *chan)
{
    return rung_recv(chan, NULL);
}

static int many(void *arg)
{
    rung_group group;
    rung_chan *chan;
    rung_flight *flight;
    (void)arg;
    EXPECT_EQ(rung_chan_open(&chan, 0, 0), 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < MANY; i++)
        EXPECT_EQ(rung_group_go(&group, waits, chan), 0);
    rung_sleep(MS(50));
    rung_flight_options options = { .memory = TRACE_MEMORY_LEAST, .age_ns = RUNG_SECONDS(8) }; /* a second each */
    EXPECT_EQ(rung_flight_start(&flight, &options), 0);
    EXPECT_EQ(rung_flight_save(flight, "/dev/null"), 0); /* ends the first, in which all have names already */
    uint32_t before = generation();
    int64_t since = os_now();
    rung_sleep(MS(1000));
    uint32_t turns = generation() - before;
    EXPECT(turns <= 2 + (os_now() - since) / RUNG_SECONDS(1));
    EXPECT_EQ(rung_flight_stop(flight), 0);
    rung_chan_close(chan);
    return rung_group_wait(&group);
}

/* ---- texts: so many different ones that the next would soon find no room ---- */

static int texts(void *arg)
{
    char text[32];
    (void)arg;
    EXPECT_EQ(rung_trace_start(&(rung_trace_options){ .path = "/dev/null", .generation_ns = RUNG_SECONDS(3600) }), 0);
    uint32_t before = generation();
    rung_sleep(MS(1200));
    EXPECT_EQ(generation(), before); /* it takes as long as one asks for, else */
    for (int i = 0; i < SLOTS_USED_MOST - 1000; i++) {
        snprintf(text, sizeof text, "text %d", i);
        rung_log(0, "texts", text);
    }
    for (int i = 0; generation() == before; i++) {
        EXPECT(i < 2000); /* of very many a goroutine's own numbers would become long, and end it */
        rung_sleep(MS(10));
    }
    return rung_trace_stop();
}

/* ---- last: 32 bits of numbers are used up ---- */

static int last(void *path)
{
    char part[64];
    rung_flight *flight;
    trace_last_number = UINT32_MAX - 10;
    EXPECT_EQ(rung_trace_start(&(rung_trace_options){ .path = path, .generation_ns = MS(1) }), 0);
    EXPECT_EQ(rung_flight_start(&flight, &(rung_flight_options){ .age_ns = RUNG_SECONDS(1) }), 0);
    for (int i = 0; generation() > UINT32_MAX / 2; i++) {
        EXPECT(i < 100000 && generation() != UINT32_MAX);
        rung_sleep(RUNG_MICROSECONDS(200));
    }
    EXPECT(generation() != 0);
    EXPECT_EQ(rung_flight_save(flight, "/dev/null"), 0);
    EXPECT_EQ(rung_trace_stop(), -ENOBUFS); /* it goes on in another file, as after a loss */
    snprintf(part, sizeof part, "%s.part2", (char *)path);
    EXPECT_EQ(unlink(part), 0);
    return 0;
}

int main(void)
{
    char path[] = "/tmp/trace_turns.XXXXXX";
    int fd = mkstemp(path);
    EXPECT(fd >= 0);
    close(fd);
    setenv("RUNG_PROCS", "2", 1);
    EXPECT_EQ(rung_run(many, NULL), 0);
    EXPECT_EQ(rung_run(texts, NULL), 0);
    EXPECT_EQ(rung_run(last, path), 0);
    EXPECT_EQ(unlink(path), 0);
    return 0;
}
