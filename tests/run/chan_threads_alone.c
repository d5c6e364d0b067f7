/* SPDX-License-Identifier: MIT */
/* Plain threads use channels among themselves, with no rung_run at all. */
#include "common.h"

static void *sender(void *chan)
{
    for (int i = 0; i < 3000; i++)
        send_int(chan, i);
    return NULL;
}

int main(void)
{
    for (size_t capacity = 0; capacity < 3; capacity++) {
        rung_chan *chan = chan_open(sizeof(int), capacity);
        pthread_t thread = thread_start(sender, chan);
        for (int i = 0; i < 3000; i++)
            EXPECT_EQ(recv_int(chan), i);
        thread_join(thread);
        rung_chan_free(chan);
    }
    return 0;
}
