/* SPDX-License-Identifier: MIT */
/* First come, first served: a big request is not passed by small ones, and gets its turn. */
#include "common.h"

static const unsigned counts[] = {1, 3, 1, 1, 5, 2, 1};
static rung_sema sema;
static rung_chan *served;

static int acquirer(void *arg)
{
    int number = *(int *)arg;
    EXPECT_EQ(rung_sema_acquire(&sema, counts[number]), 0);
    send_int(served, number);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    served = chan_open(sizeof(int), LENGTH(counts));
    for (int i = 0; i < (int)LENGTH(counts); i++) {
        EXPECT_EQ(rung_go_copy(acquirer, &i, sizeof i), 0);
        wait_parked("sync", i + 1);
    }
    for (int i = 0; i < (int)LENGTH(counts); i++) {
        for (unsigned n = 0; n < counts[i]; n++) {
            EXPECT_EQ(rung_try_recv(served, NULL), -EAGAIN);
            EXPECT(!rung_sema_try_acquire(&sema, 1)); /* not past those who wait */
            rung_sema_release(&sema, 1);
            EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(200)), 0);
        }
        EXPECT_EQ(recv_int(served), i);
    }
    EXPECT(!rung_sema_try_acquire(&sema, 1));
    rung_chan_free(served);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
