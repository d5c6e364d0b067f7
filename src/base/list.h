/* SPDX-License-Identifier: MIT */
/*
 * list.h: an intrusive doubly linked list with a head of two pointers, both NULL when it is empty
 * (so that zeroed memory is an empty list). Removal is O(1), and safe to try on a link that has left
 * already. Whoever owns the list guards it.
 */
#ifndef RUNG_LIST_H
#define RUNG_LIST_H

#include "base/base.h"

struct link {
    struct link *next, *previous;
    bool is_queued;
};

struct list {
    struct link *first, *last;
};

static always_inline bool list_is_empty(const struct list *list)
{
    return list->first == NULL;
}

static always_inline void list_push_last(struct list *list, struct link *link)
{
    link->next = NULL;
    link->previous = list->last;
    link->is_queued = true;
    if (unlikely(list->last != NULL))
        list->last->next = link;
    else
        list->first = link;
    list->last = link;
}

static always_inline void list_push_first(struct list *list, struct link *link)
{
    link->next = list->first;
    link->previous = NULL;
    link->is_queued = true;
    if (list->first != NULL)
        list->first->previous = link;
    else
        list->last = link;
    list->first = link;
}

static always_inline void list_remove(struct list *list, struct link *link)
{
    if (!link->is_queued)
        return;
    if (link->previous != NULL)
        link->previous->next = link->next;
    else
        list->first = link->next;
    if (link->next != NULL)
        link->next->previous = link->previous;
    else
        list->last = link->previous;
    link->is_queued = false;
}

static always_inline struct link *list_pop_first(struct list *list)
{
    struct link *link = list->first;
    if (link == NULL)
        return NULL;
    list->first = link->next;
    if (unlikely(link->next != NULL))
        link->next->previous = NULL;
    else
        list->last = NULL;
    link->is_queued = false;
    return link;
}

#endif
