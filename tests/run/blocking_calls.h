/* SPDX-License-Identifier: MIT */
/*
 * blocking_calls.h: every call that parks, set up so that it parks for ever, for the tests of what
 * scopes do to them. things_close checks that a call which gave up has left nothing behind.
 */
#ifndef BLOCKING_CALLS_H
#define BLOCKING_CALLS_H

#include "common.h"

struct things {
    rung_chan *full, *empty, *rendezvous;
    rung_mutex held, for_cond;
    rung_rwmutex written;
    rung_cond cond;
    rung_sema sema;
    rung_waitgroup waitgroup;
};

static inline void things_open(struct things *things)
{
    memset(things, 0, sizeof *things);
    things->full = chan_open(sizeof(int), 1);
    things->empty = chan_open(sizeof(int), 1);
    things->rendezvous = chan_open(sizeof(int), 0);
    send_int(things->full, 7);
    rung_mutex_lock(&things->held);
    rung_rwmutex_lock(&things->written);
    rung_waitgroup_add(&things->waitgroup, 1);
}

static inline void things_close(struct things *things)
{
    int item = 0;
    EXPECT_EQ(rung_try_send(things->rendezvous, &item), -EAGAIN);
    EXPECT_EQ(rung_try_recv(things->rendezvous, &item), -EAGAIN);
    EXPECT_EQ(rung_try_recv(things->empty, &item), -EAGAIN);
    EXPECT_EQ(recv_int(things->full), 7);
    EXPECT_EQ(rung_try_recv(things->full, &item), -EAGAIN);
    rung_mutex_unlock(&things->held);
    EXPECT(rung_mutex_try_lock(&things->held));
    rung_mutex_unlock(&things->held);
    EXPECT(rung_mutex_try_lock(&things->for_cond));
    rung_mutex_unlock(&things->for_cond);
    rung_rwmutex_unlock(&things->written);
    EXPECT(rung_rwmutex_try_lock(&things->written));
    rung_rwmutex_unlock(&things->written);
    rung_cond_broadcast(&things->cond);
    rung_sema_release(&things->sema, 1);
    EXPECT(rung_sema_try_acquire(&things->sema, 1));
    EXPECT(!rung_sema_try_acquire(&things->sema, 1));
    rung_waitgroup_done(&things->waitgroup);
    EXPECT_EQ(rung_waitgroup_wait(&things->waitgroup), 0);
    rung_chan_free(things->full);
    rung_chan_free(things->empty);
    rung_chan_free(things->rendezvous);
}

static inline int call_send_full(struct things *things)
{
    int item = 1;
    return rung_send(things->full, &item);
}

static inline int call_send_rendezvous(struct things *things)
{
    int item = 1;
    return rung_send(things->rendezvous, &item);
}

static inline int call_send_null(struct things *things)
{
    return rung_send(NULL, things);
}

static inline int call_recv_empty(struct things *things)
{
    int item = 5, result = rung_recv(things->empty, &item);
    EXPECT_EQ(item, 5);
    return result;
}

static inline int call_recv_rendezvous(struct things *things)
{
    return rung_recv(things->rendezvous, NULL);
}

static inline int call_recv_null(struct things *things)
{
    (void)things;
    return rung_recv(NULL, NULL);
}

static inline int call_select(struct things *things)
{
    int out = 1, in = 5;
    rung_case cases[] = {RUNG_CASE_SEND(things->full, &out), RUNG_CASE_RECV(things->empty, &in),
                         RUNG_CASE_SEND(things->rendezvous, &out), RUNG_CASE_RECV(NULL, NULL)};
    int result = rung_select(cases, 4);
    EXPECT_EQ(in, 5);
    return result;
}

static inline int call_select_nothing(struct things *things)
{
    (void)things;
    return rung_select(NULL, 0);
}

static inline int call_select_large(struct things *things)
{
    rung_case cases[40];
    for (int i = 0; i < 40; i++)
        cases[i] = (rung_case)RUNG_CASE_RECV(i % 3 ? things->empty : things->rendezvous, NULL);
    return rung_select(cases, 40);
}

static inline int call_sleep(struct things *things)
{
    (void)things;
    return rung_sleep(RUNG_FOREVER);
}

static inline int call_mutex_lock(struct things *things)
{
    return rung_mutex_lock_scoped(&things->held);
}

static inline int call_rwmutex_lock(struct things *things)
{
    return rung_rwmutex_lock_scoped(&things->written);
}

static inline int call_rwmutex_read_lock(struct things *things)
{
    return rung_rwmutex_read_lock_scoped(&things->written);
}

static inline int call_cond_wait(struct things *things)
{
    rung_mutex_lock(&things->for_cond);
    int result = rung_cond_wait(&things->cond, &things->for_cond);
    EXPECT(!rung_mutex_try_lock(&things->for_cond));
    rung_mutex_unlock(&things->for_cond);
    return result;
}

static inline int call_sema_acquire(struct things *things)
{
    return rung_sema_acquire(&things->sema, 1);
}

static inline int call_waitgroup_wait(struct things *things)
{
    return rung_waitgroup_wait(&things->waitgroup);
}

static const struct blocking_call {
    const char *name, *reason; /* the reason that a dump gives */
    int (*call)(struct things *things);
} blocking_calls[] = {
    {"send, buffer full", "chan send", call_send_full},
    {"send, no receiver", "chan send", call_send_rendezvous},
    {"send, NULL channel", "forever", call_send_null},
    {"recv, buffer empty", "chan receive", call_recv_empty},
    {"recv, no sender", "chan receive", call_recv_rendezvous},
    {"recv, NULL channel", "forever", call_recv_null},
    {"select", "select", call_select},
    {"select, no cases", "forever", call_select_nothing},
    {"select, 40 cases", "select", call_select_large},
    {"sleep", "sleep", call_sleep},
    {"mutex lock", "sync", call_mutex_lock},
    {"rwmutex lock", "sync", call_rwmutex_lock},
    {"rwmutex read lock", "sync", call_rwmutex_read_lock},
    {"cond wait", "sync.(*Cond).Wait", call_cond_wait},
    {"sema acquire", "sync", call_sema_acquire},
    {"waitgroup wait", "sync", call_waitgroup_wait},
};

static inline void expect_result(const struct blocking_call *call, int actual, int expected)
{
    if (actual != expected)
        test_fail(__FILE__, __LINE__, "%s: gave %d, not %d", call->name, actual, expected);
}

#endif
