/* SPDX-License-Identifier: MIT */
/* test-presets: release debug asan ubsan clang */
/* test-serial: yes */
/* A goroutine that does nothing but switch is shown with its stack, whenever the dump happens to look at it. */
#include "common.h"

static atomic_bool is_over;

static int switches(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over))
        rung_yield();
    return 0;
}

static void *dumps(void *arg)
{
    for (int i = 0; i < test_scaled(300); i++) {
        char *text = dump_text();
        if (strstr(text, "does not answer") != NULL) {
            fputs(text, stderr);
            test_fail(__FILE__, __LINE__, "dump %d shows a goroutine without its stack", i);
        }
        free(text);
    }
    atomic_store(&is_over, true);
    return arg;
}

static int app(void *arg)
{
    pthread_t dumper = thread_start(dumps, arg);
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(rung_group_go(&group, switches, NULL), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    thread_join(dumper);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    return 0;
}
