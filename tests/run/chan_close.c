/* SPDX-License-Identifier: MIT */
/* After close: receivers drain the buffer, then get 0 and a zeroed item; senders get -EPIPE. */
#include "common.h"

struct item {
    char bytes[24];
};

static int app(void *arg)
{
    (void)arg;
    for (size_t capacity = 0; capacity < 10; capacity++) {
        rung_chan *chan = chan_open(sizeof(struct item), capacity);
        struct item item, zero = {{0}};
        for (size_t i = 0; i < capacity; i++) {
            memset(&item, (int)i + 1, sizeof item);
            EXPECT_EQ(rung_send(chan, &item), 0);
        }
        rung_chan_close(chan);
        EXPECT_EQ(rung_chan_length(chan), capacity);
        EXPECT_EQ(rung_send(chan, &item), -EPIPE);
        EXPECT_EQ(rung_try_send(chan, &item), -EPIPE);
        for (size_t i = 0; i < capacity; i++) {
            EXPECT_EQ(i % 2 ? rung_recv(chan, &item) : rung_try_recv(chan, &item), 1);
            EXPECT_EQ(item.bytes[0], i + 1);
            EXPECT_EQ(item.bytes[23], i + 1);
        }
        for (int i = 0; i < 6; i++) {
            memset(&item, 0xee, sizeof item);
            EXPECT_EQ(i % 2 ? rung_recv(chan, &item) : rung_try_recv(chan, &item), 0);
            EXPECT(memcmp(&item, &zero, sizeof item) == 0);
            EXPECT_EQ(rung_recv(chan, NULL), 0);
        }
        EXPECT_EQ(rung_send(chan, &item), -EPIPE);
        rung_chan_free(chan);
    }
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
