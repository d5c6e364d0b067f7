/* SPDX-License-Identifier: MIT */
/*
 * RLIMIT_AS: rung_run makes do with less address space, and leaves some to malloc, threads and timers, or says
 * -ENOMEM. Where goroutines don't fit any more, rung_go says so; those that are there go on.
 */
#include "hostile.h"

enum { MOST = 20000, FEW = 20, PROCS = 3 };
enum { KEPT = 2 * PROCS }; /* dead goroutines: of each processor one in its cache, and one that is just ending */

static size_t more_bytes;
static atomic_int awake;

static int waits(void *chan)
{
    EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT_EQ(rung_recv(chan, NULL), 0);
    atomic_fetch_add(&awake, 1);
    return 0;
}

/* There is no room; but each other processor may have kept a dead one to itself, and let go of it only now. */
static int starts_few(rung_chan *chan)
{
    int count = 0;
    for (int i = 0; i < 100; i++) {
        int error = rung_go(waits, chan);
        EXPECT(error == -ENOMEM || error == 0);
        count += error == 0;
    }
    EXPECT(count <= KEPT);
    return count;
}

/* As many as there is room for; all of them run, and then there is room again. */
static int fills(rung_chan *chan)
{
    rung_group group;
    int count = 0, error = 0;
    awake = 0;
    rung_group_open(&group, RUNG_FOREVER);
    while (count < MOST && (error = rung_group_go(&group, waits, chan)) == 0)
        count++;
    EXPECT(count == MOST || error == -ENOMEM);
    EXPECT(count >= FEW);
    if (count < MOST)
        count += starts_few(chan);
    EXPECT_EQ(rung_sleep(MS(3)), 0);
    rung_chan_close(chan);
    EXPECT_EQ(rung_group_wait(&group), 0);
    while (awake < count) /* those that are not in the group */
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT_EQ(awake, count);
    return count;
}

static int app(void *arg)
{
    rung_chan *chan = chan_open(1, 0), *large = chan;
    int first = fills(chan);
    rung_chan_free(chan);
    EXPECT_EQ(rung_chan_open(&large, 65536, ((size_t)64 << 30) / 65536), -ENOMEM);
    EXPECT(large == chan);
    chan = chan_open(1, 0);
    EXPECT(fills(chan) >= first - KEPT);
    rung_chan_free(chan);
    printf("%zu MiB more: %d goroutines\n", more_bytes >> 20, first);
    fflush(stdout);
    return arg != NULL;
}

static void limited(void)
{
    limit(RLIMIT_AS, test_address_space() + more_bytes);
    setenv("RUNG_PROCS", "3", 1);
    int result = rung_run(app, NULL);
    EXPECT(result == 0 || result == -ENOMEM);
    EXPECT(result == 0 || more_bytes < (size_t)82 << 20);
    if (more_bytes < (size_t)64 << 20)
        EXPECT_EQ(result, -ENOMEM);
    limit(RLIMIT_AS, RLIM_INFINITY);
    if (result != 0)
        EXPECT_EQ(rung_run(app, NULL), 0);
}

int main(void)
{
    for (more_bytes = (size_t)16 << 20; more_bytes < (size_t)8 << 30; more_bytes += more_bytes / 2)
        passes(limited);
    for (size_t fits = (size_t)64 << 20; fits <= (size_t)2 << 30; fits *= 4) /* a reservation just fits */
        for (more_bytes = fits; more_bytes <= fits + fits / 2; more_bytes += fits / 16)
            passes(limited);
    return 0;
}
