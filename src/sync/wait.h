/* SPDX-License-Identifier: MIT */
/*
 * wait.h: who waits for an object, in the order they came.
 *
 * A waiter lies on the stack of the goroutine that waits, linked into the object's list under the object's
 * lock. Who serves it takes it out of the list, then claims its goroutine (sched.h): if the claim fails, a
 * scope, or another case of the same select, was first, and the waiter is forgotten. After the claim,
 * and until ready, the waiter and what it points to stay where they are.
 *
 * Whoever wakes for another reason takes its waiters out of the lists by itself, under their locks.
 */
#ifndef RUNG_WAIT_H
#define RUNG_WAIT_H

#include "sched/park.h"

struct waiter {
    struct link link;
    struct g *g;
    uint32_t ticket;
    uint32_t number; /* the case of a select; what a sema's waiter asks for; ... */
    void *item;      /* of a channel: sent from or received into */
    int result;      /* by who serves it */
};

static always_inline void waiter_init(struct waiter *waiter, struct g *g, bool is_scoped)
{
    waiter->g = g;
    waiter->ticket = ticket_next(g, is_scoped);
    waiter->number = 0;
    waiter->result = 0;
}

/* Takes out and claims the first that can be claimed, or NULL. The object's lock is held. */
static always_inline struct waiter *waiter_claim_first_in(struct list *list, bool solo)
{
    struct link *link;
    while ((link = list_pop_first(list)) != NULL) {
        struct waiter *waiter = container_of(link, struct waiter, link);
        if (likely(claim_in(waiter->g, waiter->ticket, solo)))
            return waiter;
    }
    return NULL;
}

static always_inline struct waiter *waiter_claim_first(struct list *list)
{
    return waiter_claim_first_in(list, is_solo());
}

/* Makes ready a chain of claimed waiters, linked by link.next. */
static inline void waiter_ready_all(struct m *m, struct link *link)
{
    while (link != NULL) {
        struct waiter *waiter = container_of(link, struct waiter, link);
        link = link->next; /* before ready: then the waiter may be gone */
        ready(m, waiter->g, 0);
    }
}

/* Takes out and claims all; gives back the chain. The object's lock is held. */
static inline struct link *waiter_claim_all(struct list *list)
{
    struct link *first = NULL, **last = &first;
    struct waiter *waiter;
    while ((waiter = waiter_claim_first(list)) != NULL) {
        *last = &waiter->link;
        last = &waiter->link.next;
    }
    *last = NULL;
    return first;
}

#endif
