/* SPDX-License-Identifier: MIT */
/*
 * A goroutine that parks is saved before others can reach it: one that is run elsewhere at once goes on where it was. Alone
 * it departs by way of g0; with others in the ring straight to one of them.
 */
#include "../test.h"
#include "sched/park.h"

/*
 * The goroutine parks with a commit function (step 5 of park.h's recipe) that wakes it at once, for the other
 * processor, and does not come back before it runs there.
 */
enum { ROUNDS = 200, COMPANIONS = 16 };

static int32_t starts, resumed; /* rounds */
static uint64_t straight;       /* parks */

static void wake_elsewhere(struct g *g, void *arg)
{
    int32_t round = *(int32_t *)arg;
    straight += m_g(current_m()) != g; /* else g0 says that it is still g's */
    EXPECT(claim(g, g->wait));
    g->wait_result = round;
    atomic_store_relaxed(&g->status, G_RUNNABLE);
    global_put(g);
    fence_light();
    p_wake();
    while (atomic_load_acquire(&resumed) < round) /* for good, if it is not run */
        cpu_relax();
}

static int32_t is_over;

static int companion(void *arg)
{
    while (!atomic_load_relaxed(&is_over))
        rung_yield();
    return arg != NULL;
}

/* At least so often straight to another: who that can be is gone to the other processor now and then. */
static void park_often(uint64_t fewest)
{
    for (int32_t round = 1; round <= ROUNDS || straight < fewest; round++) {
        int32_t passed = round;
        int result = park_with(enter(), WAIT_SYNC, false, wake_elsewhere, &passed);
        leave();
        EXPECT_EQ(result, round);
        atomic_store_release(&resumed, round);
    }
}

static int alone(void *arg)
{
    EXPECT_EQ(++starts, 1);
    park_often(0);
    return arg != NULL;
}

static int in_company(void *arg)
{
    EXPECT_EQ(++starts, 2);
    atomic_store_release(&resumed, 0);
    for (int i = 0; i < COMPANIONS; i++)
        EXPECT_EQ(rung_go(companion, NULL), 0);
    park_often(ROUNDS / 4);
    atomic_store_relaxed(&is_over, 1);
    return arg != NULL;
}

int main(void)
{
    setenv("RUNG_PROCS", "2", 1);
    EXPECT_EQ(rung_run(alone, NULL), 0);
    EXPECT_EQ(rung_run(in_company, NULL), 0);
    return 0;
}
