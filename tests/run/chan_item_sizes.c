/* SPDX-License-Identifier: MIT */
/* Items of 0 to 65,536 bytes arrive whole, and not a byte beside them is touched, on each way in. */
#include "common.h"

enum { LARGEST = 65536, GUARD = 16 };

static const size_t sizes[] = {0, 1, 3, 8, 24, 4096, LARGEST};
static unsigned char sent[2][LARGEST], received[2][LARGEST + 2 * GUARD];
static rung_chan *chan;
static size_t size;

static void fill(int which)
{
    for (size_t i = 0; i < size; i++)
        sent[which][i] = (unsigned char)(i * 7 + i / 256 + size + (size_t)which * 31);
}

static int receive_and_check(void *arg)
{
    int which = *(int *)arg;
    memset(received[which], 0xee, sizeof received[which]);
    EXPECT_EQ(rung_recv(chan, received[which] + GUARD), 1);
    EXPECT(memcmp(received[which] + GUARD, sent[which], size) == 0);
    for (size_t i = 0; i < GUARD; i++) {
        EXPECT_EQ(received[which][i], 0xee);
        EXPECT_EQ(received[which][GUARD + size + i], 0xee);
    }
    return 0;
}

static int sender(void *arg)
{
    return rung_send(chan, sent[*(int *)arg]);
}

static int app(void *arg)
{
    (void)arg;
    int zero = 0, one = 1;
    rung_group group;
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        size = sizes[i];
        fill(0);
        fill(1);

        chan = chan_open(size, 2); /* through the buffer */
        for (int round = 0; round < 3; round++) {
            EXPECT_EQ(sender(&zero), 0);
            EXPECT_EQ(sender(&one), 0);
            receive_and_check(&zero);
            receive_and_check(&one);
        }
        EXPECT_EQ(sender(&zero), 0); /* from a parked sender, through a full buffer */
        EXPECT_EQ(sender(&one), 0);
        rung_group_open(&group, RUNG_FOREVER);
        group_go(&group, sender, &one);
        wait_parked("chan send", 1);
        receive_and_check(&zero);
        receive_and_check(&one);
        receive_and_check(&one);
        EXPECT_EQ(rung_group_wait(&group), 0);
        rung_chan_free(chan);

        chan = chan_open(size, 0);
        rung_group_open(&group, RUNG_FOREVER); /* straight to a parked receiver */
        group_go(&group, receive_and_check, &zero);
        wait_parked("chan receive", 1);
        EXPECT_EQ(sender(&zero), 0);
        group_go(&group, sender, &one); /* straight from a parked sender */
        wait_parked("chan send", 1);
        receive_and_check(&one);
        EXPECT_EQ(rung_group_wait(&group), 0);
        rung_chan_free(chan);
    }
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
