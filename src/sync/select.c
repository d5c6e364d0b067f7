/* SPDX-License-Identifier: MIT */
/*
 * select.c: exactly one of many cases.
 *
 * 1. Lock every channel, by address, each once.
 * 2. Try the cases in random order; the first that is ready is the one. Unlock, done.
 * 3. Put a waiter for each case into its channel's list, in the same order; all bear the same ticket, so
 *    that one claim at most
 *    succeeds. Park, unlocking all on the next stack.
 * 4. Awake: lock all again and take the losing waiters out of their lists. (Left there they would be
 *    garbage as soon as this stack frame is gone.)
 *
 * Design: Go's select.go. The channels to lock are kept sorted by insertion: cases are few; from 32 on by qsort.
 */
#include <errno.h>
#include <stdlib.h>

#include "sync/chan.h"

enum { FEW = 16, SORT_MANY = 32, CASES_MOST = 65536 };

struct select {
    rung_case *cases;
    uint32_t count;
    uint32_t chan_count;
    struct rung_chan **chans; /* each once, by address */
    struct waiter *waiters;   /* one per case */
    uint32_t *order;          /* the cases, shuffled */
};

static int compare_chans(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (struct rung_chan *const *)a;
    uintptr_t right = (uintptr_t) * (struct rung_chan *const *)b;
    return left < right ? -1 : left > right;
}

static void insert_chan(struct select *select, struct rung_chan *chan)
{
    uint32_t at = select->chan_count;
    while (at > 0 && select->chans[at - 1] > chan)
        at--;
    if (at > 0 && select->chans[at - 1] == chan)
        return;
    for (uint32_t i = select->chan_count; i > at; i--)
        select->chans[i] = select->chans[i - 1];
    select->chans[at] = chan;
    select->chan_count++;
}

static void collect_many(struct select *select)
{
    uint32_t count = 0, unique = 0;
    for (uint32_t i = 0; i < select->count; i++)
        if (select->cases[i].chan != NULL)
            select->chans[count++] = select->cases[i].chan;
    qsort(select->chans, count, sizeof select->chans[0], compare_chans);
    for (uint32_t i = 0; i < count; i++)
        if (unique == 0 || select->chans[unique - 1] != select->chans[i])
            select->chans[unique++] = select->chans[i];
    select->chan_count = unique;
}

static always_inline void collect_chans(struct select *select)
{
    select->chan_count = 0;
    if (unlikely(select->count >= SORT_MANY)) {
        collect_many(select);
        return;
    }
    for (uint32_t i = 0; i < select->count; i++)
        if (select->cases[i].chan != NULL)
            insert_chan(select, select->cases[i].chan);
}

static always_inline void lock_all(struct select *select)
{
    for (uint32_t i = 0; i < select->chan_count; i++)
        object_lock(&select->chans[i]->lock);
}

static always_inline void unlock_all(struct select *select)
{
    for (uint32_t i = select->chan_count; i-- > 0;)
        object_unlock(&select->chans[i]->lock);
}

static always_inline struct list *case_list(rung_case *one)
{
    return one->operation == RUNG_SEND ? &one->chan->senders : &one->chan->receivers;
}

static always_inline int try_case(rung_case *one, struct waiter **served)
{
    return one->operation == RUNG_SEND ? chan_send_locked(one->chan, one->item, served, is_solo())
                                       : chan_recv_locked(one->chan, one->item, served, is_solo());
}

/* Every order is equally likely, whichever cases are ready. */
static always_inline void shuffle(struct m *m, struct select *select)
{
    for (uint32_t i = 0; i < select->count; i++) {
        uint32_t at = (uint32_t)((uint64_t)random_next(&m->random) * (i + 1) >> 32);
        select->order[i] = select->order[at];
        select->order[at] = i;
    }
}

/* Step 2. The case's index, or CHAN_WOULD_PARK. */
static always_inline int try_all(struct select *select, struct waiter **served)
{
    for (uint32_t i = 0; i < select->count; i++) {
        rung_case *one = &select->cases[select->order[i]];
        if (one->chan == NULL)
            continue;
        int result = try_case(one, served);
        if (result != CHAN_WOULD_PARK) {
            one->result = result;
            return (int)(one - select->cases);
        }
    }
    return CHAN_WOULD_PARK;
}

static always_inline void enqueue_all(struct m *m, struct select *select)
{
    for (uint32_t i = 0; i < select->count; i++) {
        uint32_t at = select->order[i];
        rung_case *one = &select->cases[at];
        struct waiter *waiter = &select->waiters[at];
        waiter->link.is_queued = false;
        if (one->chan == NULL)
            continue;
        waiter_init(waiter, m_g(m), true);
        waiter->number = at;
        waiter->item = one->item;
        list_push_last(case_list(one), &waiter->link);
    }
}

/* The goroutine's frame is still there: once awake it waits for the lock that is released last (lock_all). */
static void commit(struct g *g, void *arg)
{
    (void)g;
    unlock_all(arg);
}

/* Steps 3 and 4. Without a channel no lock holds up the goroutine that its scope wakes: nothing to commit then. */
static always_inline int wait_for_one(struct m *m, struct select *select)
{
    enqueue_all(m, select);
    int chosen = likely(select->chan_count > 0) ? park_with(m, WAIT_SELECT, true, commit, select)
                                                : park_with(m, WAIT_FOREVER, true, NULL, NULL);
    if (MUTANT(STALE_SELECT))
        goto out;
    lock_all(select);
    for (uint32_t i = 0; i < select->count; i++)
        if (select->cases[i].chan != NULL)
            list_remove(case_list(&select->cases[i]), &select->waiters[i].link);
    unlock_all(select);
out:
    if (chosen >= 0)
        select->cases[chosen].result = select->waiters[chosen].result;
    return chosen;
}

static always_inline int select_with(struct m *m, struct select *select, bool may_park)
{
    struct waiter *served = NULL;
    collect_chans(select);
    shuffle(m, select);
    lock_all(select);
    int chosen = try_all(select, &served);
    if (chosen == CHAN_WOULD_PARK && may_park) {
        chosen = wait_for_one(m, select);
        leave();
        return chosen;
    }
    unlock_all(select);
    chan_ready(m, served, is_solo());
    leave_m(m);
    return chosen;
}

static noinline int select_many(struct m *m, rung_case *cases, uint32_t count, bool may_park)
{
    struct waiter *waiters = malloc(count * (sizeof(struct waiter) + sizeof(struct rung_chan *) + sizeof(uint32_t)));
    if (waiters == NULL) {
        leave_m(m);
        return -ENOMEM;
    }
    struct select select = { .cases = cases, .count = count, .waiters = waiters };
    select.chans = (struct rung_chan **)(waiters + count);
    select.order = (uint32_t *)(select.chans + count);
    int chosen = select_with(m, &select, may_park);
    free(waiters);
    return chosen;
}

static always_inline int select_any(rung_case *cases, size_t count, bool may_park)
{
    if (count > CASES_MOST || (cases == NULL && count > 0))
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        if (unlikely(cases[i].operation != RUNG_SEND && cases[i].operation != RUNG_RECV))
            return -EINVAL;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int ended = atomic_load_relaxed(&m_g(m)->ended);
    if (may_park && unlikely(ended != 0)) {
        leave_m(m);
        return ended;
    }
    if (unlikely(count > FEW))
        return select_many(m, cases, (uint32_t)count, may_park);
    struct waiter waiters[FEW];
    struct rung_chan *chans[FEW];
    uint32_t order[FEW];
    struct select select = {
        .cases = cases, .count = (uint32_t)count, .chans = chans, .waiters = waiters, .order = order
    };
    return select_with(m, &select, may_park);
}

int rung_select(rung_case *cases, size_t count)
{
    return select_any(cases, count, true);
}

int rung_try_select(rung_case *cases, size_t count)
{
    return select_any(cases, count, false);
}
