/* SPDX-License-Identifier: MIT */
/*
 * A goroutine that parks on a stack which it has made and switched to itself, above its own, keeps its own, whole; and so do
 * all whose stacks lie between the two.
 *
 * test-environment: RUNG_TRIM=50
 * test-environment: RUNG_RESERVE=1g
 * test-presets: release debug ubsan clang lto lto-clang arm64
 * test-traced: no
 */
#include "common.h"

#include "residence.h"

#include <ucontext.h>

enum { FOREIGN_BYTES = 256 << 10, OWN_BYTES = 100 << 10 };

static ucontext_t own, foreign;
static rung_chan *chan;
static char *deepest;
static atomic_bool is_parked;

/* Above the reservation, in which the caller's frame lies. */
static void *map_above(uintptr_t frame)
{
    for (uintptr_t at = (frame + ((uintptr_t)1 << 30)) & -page_bytes();; at += FOREIGN_BYTES) {
        void *map = mmap((void *)at, FOREIGN_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (map != MAP_FAILED)
            return map;
    }
}

static void park_there(void)
{
    EXPECT_EQ(rung_recv(chan, NULL), 0);
    swapcontext(&foreign, &own);
}

static int switch_and_park(void *arg)
{
    volatile unsigned char bytes[OWN_BYTES];
    (void)arg;
    for (int i = 0; i < OWN_BYTES; i++)
        bytes[i] = (unsigned char)(i | 1);
    getcontext(&foreign);
    foreign.uc_stack.ss_sp = map_above((uintptr_t)__builtin_frame_address(0));
    foreign.uc_stack.ss_size = FOREIGN_BYTES;
    makecontext(&foreign, park_there, 0);
    swapcontext(&own, &foreign);
    for (int i = 0; i < OWN_BYTES; i++)
        EXPECT_EQ(bytes[i], (unsigned char)(i | 1));
    EXPECT_EQ(munmap(foreign.uc_stack.ss_sp, FOREIGN_BYTES), 0);
    return 0;
}

/* The deepest page of a frame that was left. */
__attribute__((__noinline__)) static char *go_deep(void)
{
    volatile char bytes[OWN_BYTES];
    for (int i = 0; i < OWN_BYTES; i++)
        bytes[i] = 1;
    return (char *)(((uintptr_t)bytes + page_bytes()) & -page_bytes());
}

/* It began later and has parked later than the other: once it is trimmed the sweep has been at that one. */
static int park_at_home(void *arg)
{
    (void)arg;
    deepest = go_deep();
    is_parked = true;
    EXPECT_EQ(rung_recv(chan, NULL), 0);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    chan = chan_open(0, 0);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, switch_and_park, NULL);
    (void)rung_sleep(MS(100));
    group_go(&group, park_at_home, NULL);
    while (!is_parked || is_resident(deepest))
        (void)rung_sleep(MS(5));
    rung_chan_close(chan);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    if (!is_residence_told())
        SKIP("mincore does not tell what is resident");
    run_on(1, app, NULL);
    return 0;
}
