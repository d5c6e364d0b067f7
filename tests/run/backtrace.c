/* SPDX-License-Identifier: MIT */
/* rung_backtrace lists the callers, leaf first, to the goroutine's function; rung_symbol names them. */
#include "common.h"

static atomic_int seen;

static __attribute__((noinline)) void leaf(void)
{
    static const char *const wanted[] = {"leaf", "middle", "goroutine"};
    uintptr_t pcs[128];
    char name[100];
    size_t count = rung_backtrace(pcs, LENGTH(pcs)), place = 0;
    EXPECT(count >= 3 && count <= LENGTH(pcs));
    for (size_t i = 0; i < count && place < LENGTH(wanted); i++) {
        size_t length = rung_symbol(pcs[i] - 1, name, sizeof name);
        EXPECT(length > 0 && length < sizeof name && strlen(name) == length);
        place += (size_t)is_in(pcs[i] - 1, wanted[place]);
    }
    EXPECT_EQ(place, LENGTH(wanted)); /* found in this order */

    uintptr_t two[4] = {0, 0, 77, 77};
    EXPECT_EQ(rung_backtrace(two, 2), 2);
    EXPECT(two[1] == pcs[1] && two[2] == 77);
    EXPECT_EQ(rung_backtrace(two, 0), 0);
    atomic_fetch_add(&seen, 1);
}

static __attribute__((noinline)) void middle(int depth)
{
    if (depth > 0)
        middle(depth - 1);
    else
        leaf();
    __asm__ volatile(""); /* no tail call */
}

static int goroutine(void *arg)
{
    middle(3);
    rung_yield();
    (void)rung_sleep(1000);
    middle(3);
    uintptr_t pcs[200] = {0};
    pcs[128] = 77;
    EXPECT(rung_backtrace(pcs, 200) <= 128);
    EXPECT_EQ(pcs[128], 77);
    return arg != NULL;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 10; i++)
        group_go(&group, goroutine, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(seen, 20);
    return 0;
}

int main(void)
{
    char name[100], tiny[5];
    run_on(2, app, NULL);
    uintptr_t pcs[8];
    (void)rung_backtrace(pcs, LENGTH(pcs)); /* on a plain thread: some, and no crash */
    EXPECT(rung_symbol((uintptr_t)app, name, sizeof name) > 0);
    EXPECT(strncmp(name, "app", 3) == 0);
    (void)rung_symbol((uintptr_t)app, tiny, sizeof tiny);
    EXPECT(memchr(tiny, '\0', sizeof tiny) != NULL);
    (void)rung_symbol(1, name, sizeof name);
    return 0;
}
