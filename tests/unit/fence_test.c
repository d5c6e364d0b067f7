/* SPDX-License-Identifier: MIT */
/*
 * The asymmetric fences keep Dekker's promise, with membarrier(2) and without it: of two threads that each store
 * their own flag, and then load the other's, at least one sees the other.
 *
 * test-presets: release debug clang lto lto-clang
 */
#include "hostile/hostile.h"

#include "base/atomic.h"
#include "base/os.h"

enum { APART = 128, STEPS = 40, FEWEST = 1000 };
#define LONGEST_NS INT64_C(3000000000) /* on a busy machine they are seldom both at it */

static struct {
    uint32_t turn __attribute__((aligned(APART)));
    uint32_t light __attribute__((aligned(APART)));
    uint32_t heavy __attribute__((aligned(APART)));
    uint32_t heavy_is_done __attribute__((aligned(APART)));
    uint32_t heavy_saw;
} shared;

static uint32_t turns;
static bool is_over; /* told by shared.turn */

static void linger(uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        fence_compiler();
}

static void wait_for(uint32_t *word, uint32_t value)
{
    for (uint32_t i = 1; atomic_load_acquire(word) != value; i++)
        if (i % 10000 == 0)
            os_thread_yield();
}

static void *heavy_side(void *arg)
{
    for (uint32_t turn = 1;; turn++) {
        wait_for(&shared.turn, turn);
        if (is_over)
            return arg;
        linger(turn % STEPS);
        atomic_store_relaxed(&shared.heavy, turn);
        fence_heavy();
        shared.heavy_saw = atomic_load_relaxed(&shared.light);
        atomic_store_release(&shared.heavy_is_done, turn);
    }
}

/* Both flags are the turn's number, so that nothing has to be set back. */
static void light_side(void)
{
    uint32_t turn = 1;
    for (int64_t end = os_now() + LONGEST_NS; turn <= turns && (turn <= FEWEST || os_now() < end); turn++) {
        atomic_store_release(&shared.turn, turn);
        linger(turn / STEPS % (10 * STEPS));
        atomic_store_relaxed(&shared.light, turn);
        fence_light();
        uint32_t seen = atomic_load_relaxed(&shared.heavy);
        wait_for(&shared.heavy_is_done, turn);
        if (seen != turn && shared.heavy_saw != turn)
            test_fail(__FILE__, __LINE__, "turn %u: neither saw the other", turn);
    }
    is_over = true;
    atomic_store_release(&shared.turn, turn);
}

static void holds(void)
{
    os_fence_init();
    turns = rung_fence_is_asymmetric ? 20000 : 400000;
    pthread_t thread = thread_start(heavy_side, NULL);
    light_side();
    thread_join(thread);
}

static void holds_without(void)
{
    refuse(__NR_membarrier, -1, 0, ENOSYS);
    holds();
    EXPECT(!rung_fence_is_asymmetric);
}

int main(void)
{
    passes(holds);
    passes(holds_without);
    return 0;
}
