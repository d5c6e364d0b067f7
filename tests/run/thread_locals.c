/* SPDX-License-Identifier: MIT */
/* Goroutine-local values of a plain thread are its own, and are destroyed when it ends; the next thread finds none. */
#include "common.h"

static rung_local key;
static atomic_int destroyed;

static void destroy(void *value)
{
    EXPECT(value == &key);
    EXPECT(rung_local_get(key) == NULL);
    (void)rung_sleep(1); /* destructors may call rung */
    atomic_fetch_add(&destroyed, 1);
}

static void *thread(void *arg)
{
    EXPECT(rung_local_get(key) == NULL);
    EXPECT_EQ(rung_local_set(key, &key), 0);
    EXPECT(rung_local_get(key) == &key);
    return arg;
}

static int app(void *arg)
{
    for (int i = 0; i < 20; i++)
        thread_join(thread_start(thread, arg));
    return arg != NULL;
}

int main(void)
{
    EXPECT_EQ(rung_local_open(&key, destroy), 0);
    app(NULL);
    EXPECT_EQ(rung_run(app, NULL), 0);
    EXPECT_EQ(destroyed, 40);
    return 0;
}
