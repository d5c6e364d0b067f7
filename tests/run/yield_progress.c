/* SPDX-License-Identifier: MIT */
/* On one processor yields go round: nobody runs again before everybody else has run about as often. */
#include "common.h"

enum { GOROUTINES = 20, TURNS = 300 };

static int turns[GOROUTINES];
static atomic_int is_over;

static int member(void *arg)
{
    int me = (int)(uintptr_t)arg;
    for (; turns[me] < TURNS; turns[me]++)
        rung_yield();
    atomic_store(&is_over, 1);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < GOROUTINES; i++)
        group_go(&group, member, (void *)i);
    while (!atomic_load(&is_over))
        rung_yield();
    for (int i = 0; i < GOROUTINES; i++) /* the first is through: the others are far on */
        EXPECT(turns[i] > TURNS / 2);
    return rung_group_wait(&group);
}

int main(void)
{
    if (getenv("RUNG_CHAOS") != NULL)
        SKIP("hostile scheduling is not fair");
    run_on(1, app, NULL);
    return 0;
}
