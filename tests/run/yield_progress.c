/* SPDX-License-Identifier: MIT */
/* On one processor yields go round: nobody runs again before everybody else has run about as often. */
#include "common.h"

enum { GOROUTINES = 20, TURNS = 300 };

static atomic_int turns[GOROUTINES];
static atomic_int is_over;
static bool is_fair;

static int member(void *arg)
{
    int me = (int)(uintptr_t)arg;
    for (; turns[me] < TURNS; turns[me]++)
        rung_yield();
    atomic_store(&is_over, 1);
    return 0;
}

/* Where the processor was taken from somebody the machine has held him up, and he is behind. */
static int app(void *arg)
{
    rung_statistics before, after;
    rung_group group;
    rung_statistics_read(&before);
    atomic_store(&is_over, 0);
    for (int i = 0; i < GOROUTINES; i++)
        turns[i] = 0;
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < GOROUTINES; i++)
        group_go(&group, member, (void *)i);
    while (!atomic_load(&is_over))
        rung_yield();
    is_fair = true;
    for (int i = 0; i < GOROUTINES; i++) /* the first is through: the others are far on */
        is_fair = is_fair && turns[i] > TURNS / 2;
    rung_statistics_read(&after);
    EXPECT(is_fair || after.hand_overs > before.hand_overs);
    EXPECT_EQ(rung_group_wait(&group), 0);
    return arg != NULL;
}

int main(void)
{
    if (getenv("RUNG_CHAOS") != NULL)
        SKIP("hostile scheduling is not fair");
    while (!is_fair)
        run_on(1, app, NULL);
    return 0;
}
