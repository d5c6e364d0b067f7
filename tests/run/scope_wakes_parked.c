/* SPDX-License-Identifier: MIT */
/*
 * Every parking call, parked, ends with its scope: by deadline, by cancellation from a goroutine and
 * from a plain thread, of its own scope and of an outer one. Nothing of it is left behind.
 */
#include "blocking_calls.h"

enum how { BY_DEADLINE, BY_GOROUTINE, BY_THREAD, BY_OUTER_DEADLINE, BY_OUTER_CANCEL, HOWS };

struct parked {
    const struct blocking_call *call;
    struct things *things;
    rung_scope outer, inner;
    enum how how;
    atomic_bool is_open;
};

static int park(void *arg)
{
    struct parked *me = arg;
    int is_late = me->how == BY_DEADLINE || me->how == BY_OUTER_DEADLINE;
    int expected = is_late ? -ETIMEDOUT : -ECANCELED;
    int64_t start = rung_now();
    rung_scope_open(&me->outer, me->how == BY_OUTER_DEADLINE ? MS(3) : RUNG_FOREVER);
    rung_scope_open(&me->inner, me->how == BY_DEADLINE ? MS(3) : RUNG_FOREVER);
    atomic_store(&me->is_open, true);
    expect_result(me->call, me->call->call(me->things), expected);
    EXPECT(!is_late || rung_now() - start >= MS(3));
    EXPECT_EQ(rung_scope_error(), expected);
    EXPECT_EQ(rung_scope_close(&me->inner), expected);
    EXPECT_EQ(rung_scope_close(&me->outer),
              me->how == BY_OUTER_DEADLINE || me->how == BY_OUTER_CANCEL ? expected : 0);
    return 0;
}

static void *cancel_from_thread(void *scope)
{
    rung_scope_cancel(scope);
    return NULL;
}

static void try_one(const struct blocking_call *call, enum how how)
{
    struct things things;
    struct parked parked = {.call = call, .things = &things, .how = how};
    rung_group group;
    things_open(&things);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, park, &parked);
    if (how != BY_DEADLINE && how != BY_OUTER_DEADLINE)
        wait_parked(call->reason, 1);
    while (!atomic_load(&parked.is_open))
        rung_yield();
    if (how == BY_GOROUTINE)
        rung_scope_cancel(&parked.inner);
    else if (how == BY_OUTER_CANCEL)
        rung_scope_cancel(&parked.outer);
    else if (how == BY_THREAD)
        thread_join(thread_start(cancel_from_thread, &parked.inner));
    EXPECT_EQ(rung_group_wait(&group), 0);
    things_close(&things);
}

static int app(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < LENGTH(blocking_calls); i++)
        for (enum how how = 0; how < HOWS; how++)
            try_one(&blocking_calls[i], how);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
