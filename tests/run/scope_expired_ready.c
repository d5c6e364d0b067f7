/* SPDX-License-Identifier: MIT */
/* In an ended scope a parking call gives the error also where it need not have parked, and does nothing. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    rung_chan *chan = chan_open(sizeof(int), 2);
    rung_mutex mutex = {0};
    rung_rwmutex rwmutex = {0};
    rung_sema sema = {0};
    int out = 1, in = 5;
    rung_sema_release(&sema, 1);
    send_int(chan, 7);
    rung_case cases[] = {RUNG_CASE_SEND(chan, &out), RUNG_CASE_RECV(chan, &in)};
    for (int is_cancelled = 0; is_cancelled < 2; is_cancelled++) {
        int error = is_cancelled ? -ECANCELED : -ETIMEDOUT;
        rung_scope scope;
        rung_scope_open(&scope, is_cancelled ? RUNG_FOREVER : 0);
        if (is_cancelled)
            rung_scope_cancel(&scope);
        EXPECT_EQ(rung_sleep(0), error);
        EXPECT_EQ(rung_send(chan, &out), error);
        EXPECT_EQ(rung_recv(chan, &in), error);
        EXPECT_EQ(rung_select(cases, 2), error);
        EXPECT_EQ(rung_mutex_lock_scoped(&mutex), error);
        EXPECT_EQ(rung_rwmutex_lock_scoped(&rwmutex), error);
        EXPECT_EQ(rung_rwmutex_read_lock_scoped(&rwmutex), error);
        EXPECT_EQ(rung_sema_acquire(&sema, 1), error);
        EXPECT_EQ(rung_scope_close(&scope), error);
    }
    EXPECT_EQ(in, 5);
    EXPECT_EQ(rung_chan_length(chan), 1);
    EXPECT(rung_mutex_try_lock(&mutex));
    EXPECT(rung_rwmutex_try_lock(&rwmutex));
    EXPECT(rung_sema_try_acquire(&sema, 1));
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
