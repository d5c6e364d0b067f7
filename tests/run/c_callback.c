/* SPDX-License-Identifier: MIT */
/* A goroutine parks within a callback from libc (qsort), deep on its stack, and migrates: the sort is right. */
#include "common.h"

static rung_mutex mutex;

static int compare(const void *left, const void *right)
{
    int a = *(const int *)left, b = *(const int *)right;
    if ((a ^ b) % 7 == 0)
        rung_yield();
    else if ((a + b) % 61 == 0)
        EXPECT_EQ(rung_sleep(500), 0);
    rung_mutex_lock(&mutex);
    rung_mutex_unlock(&mutex);
    return (a > b) - (a < b);
}

static int sorts(void *arg)
{
    int numbers[200];
    uint64_t state = test_seed() + (uintptr_t)arg;
    for (size_t i = 0; i < LENGTH(numbers); i++)
        numbers[i] = (int)(test_random(&state) % 1000);
    qsort(numbers, LENGTH(numbers), sizeof *numbers, compare);
    for (size_t i = 1; i < LENGTH(numbers); i++)
        EXPECT(numbers[i - 1] <= numbers[i]);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < 20; i++)
        group_go(&group, sorts, (void *)i);
    return rung_group_wait(&group);
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
