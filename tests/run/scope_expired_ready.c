/* SPDX-License-Identifier: MIT */
/* In an ended scope a parking call gives the error also where it need not have parked, and does nothing. */
#include "common.h"

enum kind { AT_ONCE, CANCELLED, MEANWHILE };

static void open_ended(rung_scope *scope, enum kind kind)
{
    rung_scope_open(scope, kind == AT_ONCE ? 0 : kind == CANCELLED ? RUNG_FOREVER : 1000);
    if (kind == CANCELLED)
        rung_scope_cancel(scope);
    for (int64_t until = rung_now() + MS(1); kind == MEANWHILE && rung_now() < until;)
        ;
}

static rung_chan *chan;
static rung_mutex mutex;
static rung_rwmutex rwmutex;
static rung_sema sema;
static int out, in;

enum { CALLS = 8 };

static int call(int number)
{
    rung_case cases[] = {RUNG_CASE_SEND(chan, &out), RUNG_CASE_RECV(chan, &in)};
    switch (number) {
    case 0: return rung_sleep(0);
    case 1: return rung_send(chan, &out);
    case 2: return rung_recv(chan, &in);
    case 3: return rung_select(cases, 2);
    case 4: return rung_mutex_lock_scoped(&mutex);
    case 5: return rung_rwmutex_lock_scoped(&rwmutex);
    case 6: return rung_rwmutex_read_lock_scoped(&rwmutex);
    case 7: return rung_sema_acquire(&sema, 1);
    default: return rung_scope_error();
    }
}

static void try_all(enum kind kind)
{
    int error = kind == CANCELLED ? -ECANCELED : -ETIMEDOUT;
    chan = chan_open(sizeof(int), 2);
    in = 5;
    rung_sema_release(&sema, 1);
    send_int(chan, 7);
    for (int number = 0; number <= CALLS; number++) { /* each may be the first that finds it out */
        rung_scope scope;
        open_ended(&scope, kind);
        EXPECT_EQ(call(number), error);
        EXPECT_EQ(call(0), error);
        EXPECT_EQ(rung_scope_close(&scope), error);
        open_ended(&scope, kind);
        EXPECT_EQ(rung_scope_close(&scope), error);
    }
    EXPECT_EQ(in, 5);
    EXPECT_EQ(rung_chan_length(chan), 1);
    EXPECT(rung_mutex_try_lock(&mutex));
    EXPECT(rung_rwmutex_try_lock(&rwmutex));
    EXPECT(rung_sema_try_acquire(&sema, 1));
    rung_mutex_unlock(&mutex);
    rung_rwmutex_unlock(&rwmutex);
    rung_chan_free(chan);
}

static int app(void *arg)
{
    (void)arg;
    try_all(AT_ONCE);
    try_all(CANCELLED);
    return 0;
}

/* A plain thread keeps its deadlines by itself, too. */
int main(void)
{
    app(NULL);
    try_all(MEANWHILE);
    EXPECT_EQ(rung_run(app, NULL), 0);
    app(NULL);
    try_all(MEANWHILE);
    return 0;
}
