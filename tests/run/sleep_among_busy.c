/* SPDX-License-Identifier: MIT */
/*
 * A sleeper whose time has come is not kept waiting for many turns of others, however long those take, on a CPU that nobody
 * else of rung's gets: the processor looks at the clock by itself.
 */
#define _GNU_SOURCE /* for CPU_SET */
#include <sched.h>

#include "common.h"

enum { BUSY = 40, NAPS = 50, MOST_TURNS = 5 };
#define TURN_NS INT64_C(100000)

/* Atomic: on a busy machine the one processor is taken from whoever has it, and that one goes on beside the next. */
static _Atomic int64_t due; /* of the sleeper; 0: it is awake */
static atomic_int turns_after;
static atomic_bool is_done;

static int busy(void *arg)
{
    (void)arg;
    while (!is_done) {
        int64_t begin = rung_now();
        int64_t wakes_at = due;
        turns_after += wakes_at != 0 && begin >= wakes_at;
        while (rung_now() < begin + TURN_NS)
            continue;
        rung_yield();
    }
    return 0;
}

static int app(void *arg)
{
    int most = 0;
    (void)arg;
    for (int i = 0; i < BUSY; i++)
        EXPECT_EQ(rung_go(busy, NULL), 0);
    for (int i = 0; i < test_scaled(NAPS); i++) {
        turns_after = 0;
        due = rung_now() + TURN_NS * 3 / 2;
        EXPECT_EQ(rung_sleep(TURN_NS * 3 / 2), 0);
        due = 0;
        most = turns_after > most ? turns_after : most;
    }
    is_done = true;
    if (getenv("RUNG_CHAOS") == NULL) /* which puts off whom it likes */
        EXPECT(most <= MOST_TURNS);
    return 0;
}

int main(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    EXPECT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    run_on(1, app, NULL);
    return 0;
}
