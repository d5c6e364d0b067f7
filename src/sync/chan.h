/* SPDX-License-Identifier: MIT */
/*
 * chan.h: the channel, for chan.c, select.c and timers.
 *
 * Invariants, under lock:
 *   senders and receivers are not both waiting (but for cases of one select, and waiters already claimed elsewhere)
 *   receivers wait only while count == 0;  senders wait only while count == capacity
 *   a closed channel has no waiters
 */
#ifndef RUNG_CHAN_H
#define RUNG_CHAN_H

#include <errno.h>
#include <string.h>

#include "sync/wait.h"

struct rung_chan {
    union lock lock;
    bool is_closed;
    uint32_t item_size;  /* set once */
    size_t capacity;     /* set once */
    size_t count;        /* items in the buffer */
    size_t first;        /* the oldest one's place */
    struct list senders, receivers;
    unsigned char buffer[];
};

/* What an attempt under the lock says when it would have to wait. */
enum { CHAN_WOULD_PARK = -EAGAIN };

static always_inline void chan_copy(void *to, const void *from, size_t bytes)
{
    if (likely(bytes == 8))
        memcpy(to, from, 8);
    else if (likely(bytes == 4))
        memcpy(to, from, 4);
    else if (bytes > 0)
        memcpy(to, from, bytes);
}

static always_inline unsigned char *chan_slot(struct rung_chan *chan, size_t index)
{
    if (index >= chan->capacity)
        index -= chan->capacity;
    return chan->buffer + index * chan->item_size;
}

static always_inline void chan_push(struct rung_chan *chan, const void *item)
{
    chan_copy(chan_slot(chan, chan->first + chan->count), item, chan->item_size);
    atomic_store_relaxed(&chan->count, chan->count + 1);
}

static always_inline void chan_pop(struct rung_chan *chan, void *item)
{
    if (likely(item != NULL))
        chan_copy(item, chan_slot(chan, chan->first), chan->item_size);
    if (++chan->first >= chan->capacity)
        chan->first = 0;
    atomic_store_relaxed(&chan->count, chan->count - 1);
}

/*
 * Sends without parking: 0, -EPIPE or CHAN_WOULD_PARK. Called with the lock held; on 0 and -EPIPE *served is
 * the claimed receiver to make ready once the lock is released, or NULL.
 */
static always_inline int chan_send_locked(struct rung_chan *chan, const void *item, struct waiter **served,
                                           bool solo)
{
    *served = NULL;
    if (unlikely(chan->is_closed))
        return -EPIPE;
    if (!list_is_empty(&chan->receivers)) {
        struct waiter *receiver = waiter_claim_first_in(&chan->receivers, solo);
        if (likely(receiver != NULL)) {
            if (likely(receiver->item != NULL))
                chan_copy(receiver->item, item, chan->item_size);
            receiver->result = 1;
            *served = receiver;
            return 0;
        }
    }
    if (unlikely(chan->count < chan->capacity)) { /* a buffer has time for a jump */
        chan_push(chan, item);
        return 0;
    }
    return CHAN_WOULD_PARK;
}

/* Receives without parking: 1, 0 (closed) or CHAN_WOULD_PARK; *served as above, a sender. */
static always_inline int chan_recv_locked(struct rung_chan *chan, void *item, struct waiter **served, bool solo)
{
    *served = NULL;
    if (unlikely(chan->count > 0)) {
        chan_pop(chan, item);
        if (!list_is_empty(&chan->senders)) { /* the buffer was full */
            struct waiter *sender = waiter_claim_first_in(&chan->senders, solo);
            if (sender != NULL) {
                chan_push(chan, sender->item);
                sender->result = 0;
                *served = sender;
            }
        }
        return 1;
    }
    if (!list_is_empty(&chan->senders)) {
        struct waiter *sender = waiter_claim_first_in(&chan->senders, solo);
        if (likely(sender != NULL)) {
            if (likely(item != NULL))
                chan_copy(item, sender->item, chan->item_size);
            sender->result = 0;
            *served = sender;
            return 1;
        }
    }
    if (likely(!chan->is_closed))
        return CHAN_WOULD_PARK;
    if (item != NULL)
        memset(item, 0, chan->item_size);
    return 0;
}

static always_inline void chan_ready(struct m *m, struct waiter *served, bool solo)
{
    if (served != NULL)
        ready_in(m, served->g, (int)served->number, solo);
}

#endif
