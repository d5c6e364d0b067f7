/* SPDX-License-Identifier: MIT */
/*
 * vm.max_map_count reached with mprotect guards, by goroutines alone (rung stops before) and in a process that has
 * used most mappings itself (the kernel stops it): rung_go says -ENOMEM, all that were started end, and then there
 * is room for as many again.
 *
 * test-timeout: 120
 */
#include "hostile.h"

enum { PROCS = 2 };

static atomic_int awake;
static rung_chan *gate;

static long most_maps(void)
{
    long most = 0;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    if (file == NULL || fscanf(file, "%ld", &most) != 1)
        SKIP("vm.max_map_count can't be read");
    fclose(file);
    if (most > 300000)
        SKIP("vm.max_map_count is too high to be reached");
    return most;
}

static int waits(void *arg)
{
    EXPECT_EQ(rung_recv(gate, NULL), 0);
    atomic_fetch_add(&awake, 1);
    return arg != NULL;
}

static int fills(void)
{
    rung_group group;
    int count = 0, error;
    awake = 0;
    gate = chan_open(0, 0);
    rung_group_open(&group, RUNG_FOREVER);
    while ((error = rung_group_go(&group, waits, NULL)) == 0)
        count++;
    EXPECT_EQ(error, -ENOMEM);
    while ((error = rung_go(waits, NULL)) == 0) /* another processor may have let go of a dead one only now */
        count++;
    EXPECT_EQ(error, -ENOMEM);
    rung_chan_close(gate);
    EXPECT_EQ(rung_group_wait(&group), 0);
    while (awake < count)
        rung_yield();
    EXPECT_EQ(awake, count);
    rung_chan_free(gate);
    return count;
}

static int app(void *left)
{
    rung_statistics statistics;
    rung_statistics_read(&statistics);
    EXPECT_EQ(strcmp(statistics.guard, "mprotect"), 0);
    int first = fills();
    EXPECT(first > 100);
    EXPECT(first < (int)(uintptr_t)left);
    for (int i = 0; i < 3; i++)
        EXPECT(fills() >= first - 2 * PROCS); /* a busy processor may keep a dead one to itself */
    return 0;
}

static void goroutines_alone(void)
{
    run_on(PROCS, app, (void *)(uintptr_t)(most_maps() / 2));
    for (int i = 0; i < 1000; i++) /* there are mappings left for others */
        EXPECT(mmap(NULL, 4096, i % 2 == 0 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

/* Leaves 5000 mappings. */
static void others_have_most(void)
{
    size_t pages = (size_t)most_maps() - 5000;
    char *start = mmap(NULL, pages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT(start != MAP_FAILED);
    for (size_t i = 0; i < pages; i += 2)
        EXPECT_EQ(mprotect(start + i * 4096, 4096, PROT_READ), 0);
    run_on(PROCS, app, (void *)(uintptr_t)2500);
}

int main(void)
{
    most_maps();
    setenv("RUNG_GUARD", "mprotect", 1);
    passes(goroutines_alone);
    passes(others_have_most);
    return 0;
}
