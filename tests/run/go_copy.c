/* SPDX-License-Identifier: MIT */
/* rung_go_copy: 0 to 4,096 bytes arrive whole, aligned to 16, on the goroutine's own stack; more is -E2BIG. */
#include "common.h"

enum { LARGEST = 4096 };

struct message {
    uint16_t size;
    unsigned char bytes[LARGEST - sizeof(uint16_t)];
};

static atomic_int count;

static int check_copy(void *arg)
{
    struct message *message = arg;
    EXPECT_EQ((uintptr_t)arg % 16, 0);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i + 2 < message->size; i++)
            EXPECT_EQ(message->bytes[i], (unsigned char)(i + message->size));
        (void)rung_sleep(1); /* ... and stay whole until fn returns */
    }
    memset(arg, 0xee, message->size); /* it may be written to */
    atomic_fetch_add(&count, 1);
    return 0;
}

static int check_small_copy(void *arg)
{
    EXPECT_EQ((uintptr_t)arg % 16, 0);
    atomic_fetch_add(&count, 1);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    static struct message message, too_big[2];
    int expected = 0;
    atomic_store(&count, 0);
    for (size_t size = 0; size <= LARGEST; size += size < 300 || size >= LARGEST - 3 ? 1 : 61, expected++) {
        if (size > LARGEST - 61 && size < LARGEST - 3)
            size = LARGEST - 3;
        message.size = (uint16_t)size;
        for (size_t i = 0; i + 2 < size; i++)
            message.bytes[i] = (unsigned char)(i + size);
        EXPECT_EQ(rung_go_copy(size < 2 ? check_small_copy : check_copy, &message, size), 0);
        memset(&message, 0, sizeof message); /* the original may change at once */
    }
    message.size = 4096;
    for (size_t i = 0; i + 2 < 4096; i++)
        message.bytes[i] = (unsigned char)(i + 4096);
    rung_go_options options = {.stack_size = 16 << 10, .copy = &message, .copy_size = 4096};
    EXPECT_EQ(rung_go_with(&options, check_copy, NULL), 0); /* the largest on the smallest stack */
    expected++;
    EXPECT_EQ(rung_go_copy(check_copy, too_big, LARGEST + 1), -E2BIG);
    EXPECT_EQ(rung_go_copy(check_copy, too_big, SIZE_MAX), -E2BIG);
    while (atomic_load(&count) < expected)
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT_EQ(count, expected);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
