/* SPDX-License-Identifier: MIT */
/* Two goroutines on two threads count without a lock: told, with the frames of both and their numbers.
 * test-presets: tsan
 * test-environment: RUNG_PROCS=2
 * expect-status: 66
 * expect-stderr: ThreadSanitizer: data race
 * expect-stderr: (Write|Read) of size 8 .* by thread T[0-9]+
 * expect-stderr: Previous (write|read) of size 8 .* by thread T[0-9]+
 * expect-stderr: #0 count_up .*tsan_race.c
 * expect-stderr: #1 culprit .*tsan_race.c
 * expect-stderr: #2 rung_goroutine_main
 * expect-stderr: Location is global 'counter'
 * expect-stderr: Thread T[0-9]+ 'goroutine [0-9]+
 */
#include "planted.h"

static uint64_t counter;
static int arrived;

__attribute__((__noinline__))
static void count_up(void)
{
    counter++;
}

static int culprit(void *arg)
{
    (void)arg;
    planted_switches();
    /* Relaxed: it makes them run at the same time, and orders nothing. */
    __atomic_fetch_add(&arrived, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&arrived, __ATOMIC_RELAXED) < 2)
        continue;
    for (int i = 0; i < 1000; i++)
        count_up();
    return 0;
}

static int app(void *arg)
{
    rung_group group;
    rung_group_open(&group, RUNG_SECONDS(1000));
    for (int i = 0; i < 2; i++)
        EXPECT_EQ(rung_group_go(&group, culprit, arg), 0);
    return rung_group_wait(&group);
}

int main(void)
{
    return rung_run(app, NULL) == 0 ? 0 : 3;
}
