/* SPDX-License-Identifier: MIT */
/*
 * chan.c: channels: a lock, a ring buffer, and two lists of waiters.
 *
 * A value goes straight from the sender's variable to the receiver's where one of them waits. The lock is
 * held for some ten instructions, and released on the next stack where the caller parks. Design: Go's chan.c.
 *
 * Rejected: a lock-free ring (two goroutines that meet need the waiter lists, and close, and select, all of
 * which need one point at which things happen).
 */
#include "sync/chan.h"

#include <errno.h>
#include <stdlib.h>

enum { ITEM_MOST = 65536 };
#define BUFFER_MOST ((size_t)1 << 40)

int rung_chan_open(rung_chan **chan, size_t item_size, size_t capacity)
{
    size_t bytes;
    if (chan == NULL || item_size > ITEM_MOST || __builtin_mul_overflow(item_size, capacity, &bytes) ||
        bytes > BUFFER_MOST)
        return -EINVAL;
    if (sched.is_forked)
        return -ENOTRECOVERABLE;
    struct rung_chan *made = malloc(sizeof *made + bytes);
    if (made == NULL)
        return -ENOMEM;
    memset(made, 0, sizeof *made);
    made->item_size = (uint32_t)item_size;
    made->capacity = capacity;
    *chan = made;
    return 0;
}

void rung_chan_free(rung_chan *chan)
{
    if (chan == NULL)
        return;
    if (!list_is_empty(&chan->senders) || !list_is_empty(&chan->receivers))
        panic("free of a channel that goroutines wait on");
    free(chan);
}

size_t rung_chan_length(const rung_chan *chan)
{
    return chan != NULL ? atomic_load_relaxed(&chan->count) : 0;
}

size_t rung_chan_capacity(const rung_chan *chan)
{
    return chan != NULL ? chan->capacity : 0;
}

/* ---- parking forms ---- */

/* A nil channel: nothing will come, but the scope may end. */
static noinline int park_forever(struct m *m)
{
    int result = park_with(m, WAIT_FOREVER, true, NULL, NULL);
    leave();
    return result;
}

/*
 * Waits in `list`, whose channel's lock is held, for a partner or the scope's end. A waiter that a scope has
 * claimed may still be in the list, or be taken out and dropped by a partner at the same moment.
 */
static always_inline int wait_in(struct m *m, struct rung_chan *chan, struct list *list,
                                 enum wait_reason reason, void *item)
{
    struct waiter waiter;
    waiter_init(&waiter, m_g(m), true);
    waiter.item = item;
    list_push_last(list, &waiter.link);
    m = park_inline(m, reason, waiter.ticket, &chan->lock);
    int result = m_g(m)->wait_result;
    if (unlikely(result < 0)) {
        object_lock(&chan->lock);
        list_remove(list, &waiter.link);
        object_unlock(&chan->lock);
    } else {
        result = waiter.result;
    }
    leave_m(m);
    return result;
}

static always_inline int send_in(struct m *m, struct rung_chan *chan, const void *item, bool solo)
{
    struct waiter *served;
    object_lock_in(&chan->lock, solo);
    int result = chan_send_locked(chan, item, &served, solo);
    if (result == CHAN_WOULD_PARK)
        return wait_in(m, chan, &chan->senders, WAIT_CHAN_SEND, (void *)item);
    object_unlock_in(&chan->lock, solo);
    chan_ready(m, served, solo);
    leave_m(m);
    return result;
}

static always_inline int recv_in(struct m *m, struct rung_chan *chan, void *item, bool solo)
{
    struct waiter *served;
    object_lock_in(&chan->lock, solo);
    int result = chan_recv_locked(chan, item, &served, solo);
    if (result == CHAN_WOULD_PARK)
        return wait_in(m, chan, &chan->receivers, WAIT_CHAN_RECEIVE, item);
    object_unlock_in(&chan->lock, solo);
    chan_ready(m, served, solo);
    leave_m(m);
    return result;
}

int rung_send(rung_chan *chan, const void *item)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int ended = atomic_load_relaxed(&m_g(m)->ended);
    if (unlikely(ended != 0)) {
        leave_m(m);
        return ended;
    }
    if (unlikely(chan == NULL))
        return park_forever(m);
    return is_solo() ? send_in(m, chan, item, true) : send_in(m, chan, item, false);
}

int rung_recv(rung_chan *chan, void *item)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int ended = atomic_load_relaxed(&m_g(m)->ended);
    if (unlikely(ended != 0)) {
        leave_m(m);
        return ended;
    }
    if (unlikely(chan == NULL))
        return park_forever(m);
    return is_solo() ? recv_in(m, chan, item, true) : recv_in(m, chan, item, false);
}

/* ---- the others ---- */

int rung_try_send(rung_chan *chan, const void *item)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int result = -EAGAIN;
    if (likely(chan != NULL)) {
        struct waiter *served;
        bool solo = is_solo();
        object_lock_in(&chan->lock, solo);
        result = chan_send_locked(chan, item, &served, solo);
        object_unlock_in(&chan->lock, solo);
        chan_ready(m, served, solo);
    }
    leave_m(m);
    return result;
}

int rung_try_recv(rung_chan *chan, void *item)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int result = -EAGAIN;
    if (likely(chan != NULL)) {
        struct waiter *served;
        bool solo = is_solo();
        object_lock_in(&chan->lock, solo);
        result = chan_recv_locked(chan, item, &served, solo);
        object_unlock_in(&chan->lock, solo);
        chan_ready(m, served, solo);
    }
    leave_m(m);
    return result;
}

/* Claims every waiter of a list and gives it its last answer; links them before `rest`. */
static struct link *dismiss(struct rung_chan *chan, struct list *list, int result, struct link *rest)
{
    struct waiter *waiter;
    while ((waiter = waiter_claim_first(list)) != NULL) {
        if (result == 0 && waiter->item != NULL)
            memset(waiter->item, 0, chan->item_size);
        waiter->result = result;
        waiter->link.next = rest;
        rest = &waiter->link;
    }
    return rest;
}

void rung_chan_close(rung_chan *chan)
{
    struct m *m = enter();
    if (unlikely(m == NULL))
        panic_forked();
    if (unlikely(chan == NULL))
        panic("close of a NULL channel");
    object_lock(&chan->lock);
    if (unlikely(chan->is_closed)) {
        object_unlock(&chan->lock);
        panic("close of a closed channel");
    }
    chan->is_closed = true;
    struct link *link = dismiss(chan, &chan->receivers, 0, NULL);
    link = dismiss(chan, &chan->senders, -EPIPE, link);
    object_unlock(&chan->lock);
    while (link != NULL) {
        struct waiter *waiter = container_of(link, struct waiter, link);
        link = link->next;
        chan_ready(m, waiter, is_solo());
    }
    leave_m(m);
}
