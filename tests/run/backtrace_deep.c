/* SPDX-License-Identifier: MIT */
/* A stack deeper than 128 frames is cut at 128 at most, leaf first; a dump of such goroutines is whole too. */
#include "common.h"

static int is_parked;

static void look(void)
{
    uintptr_t pcs[300];
    size_t count = rung_backtrace(pcs, LENGTH(pcs));
    EXPECT(count > 120 && count <= 128);
    EXPECT_EQ(rung_backtrace(pcs, 10), 10);
}

static __attribute__((noinline)) int recurse(int depth)
{
    if (depth > 0) {
        int result = recurse(depth - 1);
        __asm__ volatile("" : "+r"(result));
        return result;
    }
    look();
    return is_parked ? rung_sleep(RUNG_FOREVER) : 0;
}

static int goroutine(void *arg)
{
    (void)arg;
    EXPECT_EQ(recurse(400), -ECANCELED);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    EXPECT_EQ(recurse(200), 0);
    is_parked = 1;
    for (int i = 0; i < 5; i++)
        go(goroutine, NULL);
    wait_parked("sleep", 5);
    char *dump = dump_text();
    EXPECT(strstr(dump, "recurse") != NULL);
    EXPECT(strstr(dump, "at most 128 frames are shown") != NULL);
    free(dump);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
