/* SPDX-License-Identifier: MIT */
/*
 * The variables that rung reads, with good values, values out of range, and nonsense: what docs/HACKING.md says of
 * them, and a line on stderr for each that is no number.
 */
#include "hostile.h"

static const struct given {
    const char *name, *value;
    uint64_t expected; /* 0: the default */
    int is_nonsense;
} *given;

static size_t address_space_before;

/* By its guard: touches `size` bytes of stack, less what the frames above need. */
static int has_stack(void *arg)
{
    size_t size = (size_t)(uintptr_t)arg - (12 << 10);
    volatile char *block = __builtin_alloca(size);
    for (size_t i = 0; i < size; i += 4096)
        block[size - 1 - i] = 1;
    return 0;
}

static uint32_t processors(void)
{
    rung_statistics statistics;
    rung_statistics_read(&statistics);
    return statistics.processors;
}

static uint64_t stack_bytes(void)
{
    rung_statistics before, after;
    rung_group group;
    rung_statistics_read(&before);
    rung_group_open(&group, RUNG_FOREVER);
    rung_go_options options = {.group = &group};
    uint64_t count = 0;
    do { /* until one is made anew */
        EXPECT_EQ(rung_go_with(&options, has_stack, (void *)(uintptr_t)(16 << 10)), 0);
        rung_statistics_read(&after);
        count++;
    } while (after.stack_bytes == before.stack_bytes && count < 100);
    EXPECT_EQ(rung_group_wait(&group), 0);
    return after.stack_bytes - before.stack_bytes;
}

static int looks(void *arg)
{
    uint64_t expected = given->expected;
    if (strcmp(given->name, "RUNG_PROCS") == 0)
        EXPECT(expected != 0 ? processors() == expected : processors() <= (uintptr_t)arg);
    if (strcmp(given->name, "RUNG_STACK") == 0)
        EXPECT_EQ(stack_bytes(), expected != 0 ? expected : 256 << 10);
    if (strcmp(given->name, "RUNG_RESERVE") == 0) {
        uint64_t more = test_address_space() - address_space_before, least = expected != 0 ? expected : (uint64_t)1 << 42;
        EXPECT(more >= least && more < least + ((uint64_t)4 << 30)); /* heaps, malloc's arenas, threads' stacks */
    }
    if (strcmp(given->name, "RUNG_GUARD") == 0) {
        rung_statistics statistics;
        rung_statistics_read(&statistics);
        EXPECT(expected == 0 || strcmp(statistics.guard, "mprotect") == 0);
    }
    return 0;
}

static long default_processors(void)
{
    cpu_set_t set;
    EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    return CPU_COUNT(&set); /* a cgroup's quota may make it fewer: see cgroup.c */
}

static void runs(void)
{
    setenv(given->name, given->value, 1);
    address_space_before = test_address_space();
    EXPECT_EQ(rung_run(looks, (void *)default_processors()), 0);
}

static const struct given all[] = {
    {"RUNG_PROCS", "1", 1, 0}, {"RUNG_PROCS", "3", 3, 0}, {"RUNG_PROCS", "007", 7, 0},
    {"RUNG_PROCS", "256", 256, 0}, {"RUNG_PROCS", "257", 256, 0},
    {"RUNG_PROCS", "99999999999999999999999999", 256, 0},
    {"RUNG_PROCS", "", 0, 0}, {"RUNG_PROCS", "0", 0, 0}, {"RUNG_PROCS", "-1", 0, 1}, {"RUNG_PROCS", "two", 0, 1},
    {"RUNG_PROCS", "4x", 0, 1}, {"RUNG_PROCS", " 4", 0, 1}, {"RUNG_PROCS", "0x4", 0, 1}, {"RUNG_PROCS", "4k", 0, 1},
    {"RUNG_STACK", "65536", 64 << 10, 0}, {"RUNG_STACK", "64k", 64 << 10, 0}, {"RUNG_STACK", "1M", 1 << 20, 0},
    {"RUNG_STACK", "65537", 128 << 10, 0}, {"RUNG_STACK", "1", 16 << 10, 0}, {"RUNG_STACK", "1t", 1 << 30, 0},
    {"RUNG_STACK", "0", 0, 0}, {"RUNG_STACK", "", 0, 0}, {"RUNG_STACK", "-65536", 0, 1},
    {"RUNG_STACK", "large", 0, 1}, {"RUNG_STACK", "64kb", 0, 1}, {"RUNG_STACK", "k", 0, 1},
    {"RUNG_RESERVE", "1g", 1 << 30, 0}, {"RUNG_RESERVE", "100M", 112 << 20, 0}, {"RUNG_RESERVE", "1", 64 << 20, 0},
    {"RUNG_RESERVE", "99999999999t", 0, 0}, {"RUNG_RESERVE", "", 0, 0}, {"RUNG_RESERVE", "0", 0, 0},
    {"RUNG_RESERVE", "64G.", 0, 1}, {"RUNG_RESERVE", "much", 0, 1},
    {"RUNG_GUARD", "mprotect", 1, 0}, {"RUNG_GUARD", "", 0, 0}, {"RUNG_GUARD", "marker", 0, 0},
    {"RUNG_GUARD", "none", 0, 0},
    {"RUNG_CHAOS", "17", 0, 0}, {"RUNG_CHAOS", "18446744073709551616", 0, 0}, {"RUNG_CHAOS", "", 0, 0},
    {"RUNG_CHAOS", "yes", 0, 1}, {"RUNG_CHAOS", "-1", 0, 1},
    {"RUNG_SIGQUIT", "0", 0, 0}, {"RUNG_SIGQUIT", "maybe", 0, 0},
};

int main(void)
{
    static const char *const names[] = {
        "RUNG_PROCS", "RUNG_STACK", "RUNG_RESERVE", "RUNG_GUARD", "RUNG_CHAOS", "RUNG_SIGQUIT"};
    for (size_t i = 0; i < LENGTH(names); i++)
        unsetenv(names[i]);
    for (size_t i = 0; i < LENGTH(all); i++) {
        char text[4096], name_and_value[64];
        given = &all[i];
        snprintf(name_and_value, sizeof name_and_value, "%s=%s is not a ", given->name, given->value);
        int status = in_child(runs, text, sizeof text);
        int is_told = strstr(text, name_and_value) != NULL;
        if (status != 0 || is_told != given->is_nonsense)
            test_fail(__FILE__, __LINE__, "%s=%s: wait status %#x, and: %s", given->name, given->value, status, text);
    }
    return 0;
}
