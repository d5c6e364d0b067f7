/* SPDX-License-Identifier: MIT */
/* fence_light and fence_heavy keep two threads apart, one of which passes often and the other seldom, as in park.h. */
#include <pthread.h>
#include <string.h>

#include "../test.h"
#include "base/atomic.h"
#include "base/os.h"

enum { MEETINGS = 3000, LINE = 128, COLD_LINES = 1 << 19, COLD_STORES = 12, HOLD = 1000 };
#define LONGEST_NS INT64_C(3000000000) /* on a busy machine they meet seldom */

struct word {
    uint32_t value __attribute__((aligned(LINE)));
};

static struct word fast_is_in, slow_wants, passes, is_over;
static struct word *lines; /* more than a cache holds */

/* Stores to lines that no cache holds go before the flag's: for as long as they take, nobody sees it. */
static void *fast_side(void *arg)
{
    uint64_t seed = test_seed();
    while (!atomic_load_relaxed(&is_over.value)) {
        for (int i = 0; i < COLD_STORES; i++)
            atomic_store_relaxed(&lines[test_random(&seed) % COLD_LINES].value, 2);
        atomic_store_relaxed(&fast_is_in.value, 1);
        fence_light();
        if (!atomic_load_relaxed(&slow_wants.value))
            atomic_store_relaxed(&passes.value, passes.value + 1);
        atomic_store_release(&fast_is_in.value, 0);
    }
    return arg;
}

/* Gives back whether it was kept alone for as long as it held. */
static bool slow_turn(void)
{
    bool is_alone = true;
    atomic_store_relaxed(&slow_wants.value, 1);
    fence_heavy();
    if (atomic_load_acquire(&fast_is_in.value) == 0) {
        uint32_t before = atomic_load_relaxed(&passes.value);
        for (int i = 0; i < HOLD; i++)
            fence_compiler();
        is_alone = atomic_load_relaxed(&passes.value) == before;
    }
    atomic_store_release(&slow_wants.value, 0);
    return is_alone;
}

int main(void)
{
    pthread_t thread;
    int64_t wanted = test_scaled(MEETINGS), met = 0, end = os_now() + LONGEST_NS;
    uint32_t seen = 0;
    os_fence_init();
    lines = aligned_alloc(LINE, COLD_LINES * sizeof *lines);
    EXPECT(lines != NULL);
    memset(lines, 1, COLD_LINES * sizeof *lines); /* a page fault would be a fence */
    EXPECT_EQ(pthread_create(&thread, NULL, fast_side, NULL), 0);
    while (met < wanted && (os_now() < end || atomic_load_relaxed(&passes.value) == 0)) {
        if (!slow_turn())
            test_fail(__FILE__, __LINE__, "after %" PRId64 " meetings: both sides were in", met);
        met += atomic_load_relaxed(&passes.value) != seen; /* it runs at this moment, on another CPU */
        seen = atomic_load_relaxed(&passes.value);
    }
    atomic_store_relaxed(&is_over.value, 1);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    free(lines);
    return 0;
}
