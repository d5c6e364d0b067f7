/* SPDX-License-Identifier: MIT */
/* Sleepers wake in the order of their deadlines. Far apart, and farther at each attempt until they do: the machine may be busy. */
#include "common.h"

enum { SLEEPERS = 10 };

static rung_chan *woken;
static int64_t apart = MS(10);

static int sleeper(void *arg)
{
    int number = *(int *)arg;
    EXPECT_EQ(rung_sleep(apart * (number + 1)), 0);
    send_int(woken, number);
    return 0;
}

static int app(void *arg)
{
    static const int order[SLEEPERS] = {7, 2, 9, 0, 5, 3, 8, 1, 6, 4};
    int *in_order = arg;
    woken = chan_open(sizeof(int), SLEEPERS);
    for (int i = 0; i < SLEEPERS; i++)
        EXPECT_EQ(rung_go_copy(sleeper, &order[i], sizeof order[i]), 0);
    *in_order = 1;
    for (int i = 0; i < SLEEPERS; i++)
        *in_order &= recv_int(woken) == i;
    rung_chan_free(woken);
    return 0;
}

int main(void)
{
    int in_order = 0;
    for (int attempt = 0; !in_order; attempt++, apart += apart / 2)
        run_on(1 + attempt % 2, app, &in_order);
    return 0;
}
