/* SPDX-License-Identifier: MIT */
/* Impossible item sizes and capacities are refused with an error, and *chan is left as it was. */
#include "common.h"

static void refused(size_t item_size, size_t capacity)
{
    rung_chan *before = (rung_chan *)&before, *chan = before;
    int error = rung_chan_open(&chan, item_size, capacity);
    EXPECT(error == -EINVAL || error == -ENOMEM);
    if (item_size > 65536 || capacity > (size_t)1 << 40)
        EXPECT_EQ(error, -EINVAL);
    EXPECT(chan == before);
}

static void accepted(size_t item_size, size_t capacity)
{
    rung_chan *chan = chan_open(item_size, capacity);
    EXPECT_EQ(rung_chan_capacity(chan), capacity);
    rung_chan_free(chan);
}

int main(void)
{
    refused(65537, 0);
    refused(65537, 1);
    refused(SIZE_MAX, 0);
    refused(SIZE_MAX, SIZE_MAX);
    refused((size_t)1 << 63, 2);
    refused(1, SIZE_MAX);
    refused(1, ((size_t)1 << 40) + 1);
    refused(8, SIZE_MAX / 8 + 2); /* wraps round to a small product */
    refused(16, (size_t)1 << 60);
    refused(65536, ((size_t)1 << 48) + 1);
    refused(65536, ((size_t)1 << 24) + 1); /* just above 1 TiB */
    accepted(65536, 0);
    accepted(65536, 3);
    accepted(0, 0);
    accepted(0, 1000000);
    accepted(1, 1000000);
    return 0;
}
