/* SPDX-License-Identifier: MIT */
/*
 * Pipelines that are torn down at random moments, by a deadline, a failing stage or a cancel: everything
 * ends, and what the sink has is a beginning of what the source sent, in order.
 */
#include "common.h"

enum { STAGES = 6 };

struct pipeline {
    rung_chan *chans[STAGES + 1];
    int fails_at;
};

struct stage {
    struct pipeline *pipeline;
    int number;
};

static int source(void *arg)
{
    struct pipeline *pipeline = arg;
    for (int i = 0;; i++) {
        int error = rung_send(pipeline->chans[0], &i);
        if (error != 0)
            return error;
    }
}

static int stage(void *arg)
{
    struct stage *me = arg;
    for (int count = 0;; count++) {
        int item, result = rung_recv(me->pipeline->chans[me->number], &item);
        if (result < 0)
            return result;
        if (me->number == 3 && count == me->pipeline->fails_at)
            return -EIO;
        result = rung_send(me->pipeline->chans[me->number + 1], &item);
        if (result < 0)
            return result;
    }
}

static int sink(void *arg)
{
    struct pipeline *pipeline = arg;
    for (int i = 0;; i++) {
        int item, result = rung_recv(pipeline->chans[STAGES], &item);
        if (result < 0)
            return result;
        EXPECT_EQ(item, i);
    }
}

static int one_pipeline(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg * 31;
    int how = (int)(test_random(&state) % 3);
    struct pipeline pipeline = {.fails_at = how == 1 ? (int)(test_random(&state) % 50) : -1};
    rung_group group;
    for (int i = 0; i <= STAGES; i++)
        pipeline.chans[i] = chan_open(sizeof(int), test_random(&state) % 3);
    rung_group_open(&group, how == 0 ? (int64_t)(test_random(&state) % 300000) : RUNG_FOREVER);
    struct stage stages[STAGES];
    int error = rung_group_go(&group, source, &pipeline);
    for (int i = 0; i < STAGES && error == 0; i++) {
        stages[i] = (struct stage){&pipeline, i};
        error = rung_group_go(&group, stage, &stages[i]);
    }
    if (error == 0)
        error = rung_group_go(&group, sink, &pipeline);
    EXPECT(error == 0 || (error == -ECANCELED && how < 2));
    if (how == 2) {
        (void)rung_sleep((int64_t)(test_random(&state) % 300000));
        rung_group_cancel(&group);
    }
    EXPECT_EQ(rung_group_wait(&group), how == 0 ? -ETIMEDOUT : how == 1 ? -EIO : -ECANCELED);
    for (int i = 0; i <= STAGES; i++)
        rung_chan_free(pipeline.chans[i]);
    return 0;
}

static int app(void *arg)
{
    for (uintptr_t round = (uintptr_t)rounds(12); round > 0; round--) {
        rung_group group;
        rung_group_open(&group, RUNG_FOREVER);
        for (uintptr_t i = 0; i < 16; i++)
            group_go(&group, one_pipeline, (void *)(round * 16 + i));
        EXPECT_EQ(rung_group_wait(&group), 0);
    }
    return arg != NULL;
}

int main(void)
{
    (void)test_seed();
    for (int procs = 1; procs <= 16; procs *= 4)
        run_on(procs, app, NULL);
    return 0;
}
