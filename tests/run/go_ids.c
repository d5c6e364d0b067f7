/* SPDX-License-Identifier: MIT */
/* Goroutine numbers: 1 for rung_run's, 0 on plain threads, never used twice, the same for a whole life. */
#include "common.h"

enum { GOROUTINES = 20000 };

static uint64_t ids[GOROUTINES];

static int note_id(void *arg)
{
    uint64_t *mine = arg;
    *mine = rung_id();
    rung_yield();
    EXPECT_EQ(rung_id(), *mine);
    return 0;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void *thread(void *arg)
{
    EXPECT_EQ(rung_id(), 0);
    return arg;
}

static int app(void *arg)
{
    EXPECT_EQ(rung_id(), 1);
    for (int batch = 0; batch < 10; batch++) { /* so that goroutines are used again */
        rung_group group;
        rung_group_open(&group, RUNG_FOREVER);
        for (int i = batch * (GOROUTINES / 10); i < (batch + 1) * (GOROUTINES / 10); i++)
            group_go(&group, note_id, &ids[i]);
        EXPECT_EQ(rung_group_wait(&group), 0);
    }
    thread_join(thread_start(thread, arg));
    EXPECT_EQ(rung_id(), 1);
    qsort(ids, GOROUTINES, sizeof *ids, compare);
    EXPECT(ids[0] > 1);
    for (int i = 1; i < GOROUTINES; i++)
        EXPECT(ids[i] > ids[i - 1]);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
