/* SPDX-License-Identifier: MIT */
/* malloc in one goroutine, free in another, with parks between: libc's heap stays whole. */
#include "common.h"

enum { GOROUTINES = 8, BLOCKS = 2000 };

struct block {
    size_t size;
    unsigned char bytes[];
};

static rung_chan *blocks;

static int allocates(void *arg)
{
    uint64_t state = test_seed() + (uintptr_t)arg;
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = test_random(&state) % (i % 100 ? 500 : 200000);
        struct block *block = malloc(sizeof *block + size);
        EXPECT(block != NULL);
        block->size = size;
        memset(block->bytes, (int)(size % 251), size);
        if (i % 10 == 0)
            block = realloc(block, sizeof *block + size + 64);
        EXPECT_EQ(rung_send(blocks, &block), 0);
    }
    return 0;
}

static int frees(void *arg)
{
    struct block *block;
    while (rung_recv(blocks, &block) == 1) {
        for (size_t i = 0; i < block->size; i += 37)
            EXPECT_EQ(block->bytes[i], block->size % 251);
        free(block);
    }
    return arg != NULL;
}

static int app(void *arg)
{
    (void)arg;
    rung_group producers, consumers;
    blocks = chan_open(sizeof(struct block *), 16);
    rung_group_open(&consumers, RUNG_FOREVER);
    for (int i = 0; i < 3; i++)
        group_go(&consumers, frees, NULL);
    rung_group_open(&producers, RUNG_FOREVER);
    for (uintptr_t i = 0; i < GOROUTINES; i++)
        group_go(&producers, allocates, (void *)i);
    EXPECT_EQ(rung_group_wait(&producers), 0);
    rung_chan_close(blocks);
    EXPECT_EQ(rung_group_wait(&consumers), 0);
    rung_chan_free(blocks);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
