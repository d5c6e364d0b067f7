/* SPDX-License-Identifier: MIT */
/*
 * scope_race.h: a call that races with the end of its scope, many times over. Each attempt is a group
 * of two goroutines: one makes the call, the other cancels the group a random moment later; every
 * third attempt ends by a very short deadline instead.
 */
#ifndef SCOPE_RACE_H
#define SCOPE_RACE_H

#include "common.h"

enum { RACERS = 4, ATTEMPTS = 1500 };

struct race {
    rung_group group;
    rung_function *call;
    void *arg;
    uint64_t state;
};

static int race_cancel(void *arg)
{
    struct race *race = arg;
    for (uint64_t spin = test_random(&race->state) % 8; spin > 0; spin--)
        rung_yield();
    rung_group_cancel(&race->group);
    return 0;
}

static inline void race_once(struct race *race)
{
    int is_deadline = test_random(&race->state) % 3 == 0;
    rung_group_open(&race->group,
                    is_deadline ? (int64_t)(test_random(&race->state) % 20000) : RUNG_FOREVER);
    int error = rung_group_go(&race->group, race->call, race->arg);
    EXPECT(error == 0 || error == -ECANCELED);
    if (!is_deadline) {
        error = rung_group_go(&race->group, race_cancel, race);
        EXPECT_EQ(error, 0);
    }
    error = rung_group_wait(&race->group);
    EXPECT(error == 0 || error == (is_deadline ? -ETIMEDOUT : -ECANCELED));
}

#endif
