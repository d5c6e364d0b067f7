/* SPDX-License-Identifier: MIT */
/* Stacks of 16 KiB to 64 MiB can be used nearly whole; impossible sizes are -EINVAL; 0 is the default. */
#include "common.h"

/* Touches `size` bytes of stack, page by page, and finds them as they were after parking. */
static int uses_stack(void *arg)
{
    size_t size = (size_t)(uintptr_t)arg;
    volatile char *block = __builtin_alloca(size);
    for (size_t i = 0; i < size; i += 512)
        block[size - 1 - i] = (char)(i / 512);
    rung_yield();
    EXPECT_EQ(rung_sleep(1000), 0);
    for (size_t i = 0; i < size; i += 512)
        EXPECT_EQ(block[size - 1 - i], (char)(i / 512));
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    static const size_t good[] = {16 << 10, (16 << 10) + 1, 64 << 10, 0, 1 << 20, 64 << 20};
    static const size_t bad[] = {1, 4096, (16 << 10) - 1, ((size_t)1 << 30) + 1, (size_t)1 << 40, SIZE_MAX};
    rung_group group;
    rung_go_options options = {.group = &group};
    rung_group_open(&group, RUNG_FOREVER);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < LENGTH(good); i++) {
            size_t usable = (good[i] ? good[i] : 256 << 10) - (12 << 10);
            options.stack_size = good[i];
            EXPECT_EQ(rung_go_with(&options, uses_stack, (void *)usable), 0);
        }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        options.stack_size = bad[i];
        EXPECT_EQ(rung_go_with(&options, uses_stack, NULL), -EINVAL);
    }
    return rung_group_wait(&group);
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
