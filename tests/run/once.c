/* SPDX-License-Identifier: MIT */
/* Of many concurrent calls one runs the function; the others come back only after its end, under any scope. */
#include "common.h"

static rung_once once;
static atomic_int runs, is_done;

static void initialise(void *arg)
{
    EXPECT_EQ(*(int *)arg, 7);
    atomic_fetch_add(&runs, 1);
    for (int i = 0; i < 5; i++)
        rung_yield();
    (void)rung_sleep(MS(2));
    atomic_store(&is_done, 1);
}

static void use(void)
{
    int seven = 7;
    rung_once_do(&once, initialise, &seven);
    EXPECT_EQ(is_done, 1);
    EXPECT_EQ(runs, 1);
}

static int caller(void *is_expired)
{
    rung_scope scope;
    rung_scope_open(&scope, is_expired != NULL ? 0 : RUNG_FOREVER);
    use();
    use();
    (void)rung_scope_close(&scope);
    return 0;
}

static void *thread(void *arg)
{
    (void)arg;
    use();
    return NULL;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    pthread_t threads[4];
    memset(&once, 0, sizeof once);
    atomic_store(&runs, 0);
    atomic_store(&is_done, 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 4; i++)
        threads[i] = thread_start(thread, NULL);
    for (uintptr_t i = 0; i < 20; i++)
        group_go(&group, caller, (void *)(i % 2));
    EXPECT_EQ(rung_group_wait(&group), 0);
    for (int i = 0; i < 4; i++)
        thread_join(threads[i]);
    use();
    return 0;
}

int main(void)
{
    for (int i = 0; i < 10; i++)
        run_on(1 + i % 4, app, NULL);
    return 0;
}
