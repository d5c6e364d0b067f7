/* SPDX-License-Identifier: MIT */
/*
 * Two goroutines that take two mutexes in opposite orders: the deadlock is seen, on several processors.
 *
 * test-presets: release debug asan ubsan clang lto lto-clang
 * expect-status: 2
 * expect-stderr: ^rung: fatal: all goroutines are asleep - deadlock!
 * expect-stderr: takes_a_then_b
 * expect-stderr: takes_b_then_a
 * expect-stderr: sync
 * test-environment: RUNG_PROCS=4
 */
#include <rung.h>

static rung_mutex a, b;
static rung_waitgroup both_have_one;

static void take(rung_mutex *first, rung_mutex *second)
{
    rung_mutex_lock(first);
    rung_waitgroup_done(&both_have_one);
    (void)rung_waitgroup_wait(&both_have_one);
    rung_mutex_lock(second);
}

static int takes_a_then_b(void *arg)
{
    take(&a, &b);
    return arg != 0;
}

static int takes_b_then_a(void *arg)
{
    take(&b, &a);
    return arg != 0;
}

static int app(void *arg)
{
    rung_group group;
    rung_waitgroup_add(&both_have_one, 2);
    rung_group_open(&group, RUNG_FOREVER);
    if (rung_group_go(&group, takes_a_then_b, arg) != 0 || rung_group_go(&group, takes_b_then_a, arg) != 0)
        return 1;
    return rung_group_wait(&group);
}

int main(void)
{
    return rung_run(app, 0) != 0;
}
