/* SPDX-License-Identifier: MIT */
/* exit() while others are parked: what only their stacks point to has not leaked, and what nothing does has.
 * test-presets: asan
 * expect-status: 1
 * expect-stderr: LeakSanitizer: detected memory leaks
 * expect-stderr: SUMMARY: AddressSanitizer: 100 byte.* leaked in 1 alloc
 */
#include "planted.h"

static rung_chan *never, *ready;

__attribute__((__noinline__))
static int hold(int depth)
{
    char *volatile block = malloc(1000);
    int value = 0;
    if (depth > 0)
        return hold(depth - 1) + block[0];
    EXPECT_EQ(rung_send(ready, &value), 0);
    return rung_recv(never, &value) + block[0];
}

static int holder(void *arg)
{
    (void)arg;
    return hold(5);
}

__attribute__((__noinline__))
static void leak(void)
{
    void *volatile block = malloc(100);
    block = NULL;
    (void)block;
}

static int app(void *arg)
{
    (void)arg;
    int value;
    EXPECT_EQ(rung_chan_open(&never, sizeof(int), 0), 0);
    EXPECT_EQ(rung_chan_open(&ready, sizeof(int), 0), 0);
    for (int i = 0; i < 50; i++)
        EXPECT_EQ(rung_go(holder, NULL), 0);
    for (int i = 0; i < 50; i++)
        EXPECT_EQ(rung_recv(ready, &value), 1);
    leak();
    planted_switches();
    exit(0);
}

int main(void)
{
    return rung_run(app, NULL) < 0;
}
