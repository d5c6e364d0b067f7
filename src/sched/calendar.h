/* SPDX-License-Identifier: MIT */
/*
 * calendar.h: the pending timers of one processor, by time: a small heap of what is due soon, and buckets for the rest.
 *
 * Time is counted in ticks of half a microsecond. The calendar stands at one, `tick`: what is due up to its end is in
 * the heap, and so are a few others, so that a program with few timers has no buckets. What is due later is in buckets,
 * in no order, each for a span of ticks:
 *
 *   level 0   64 buckets of one tick      the ticks that differ from `tick` in their lowest 6 bits alone
 *   level 1   64 buckets of 64 ticks      ... in the 6 bits above these, and perhaps below
 *   ...       and so on: an entry's level is the highest digit, of 6 bits, in which its tick differs from `tick`
 *
 * So the first bucket of the lowest level in use is the earliest. When it comes up, `tick` becomes that of its earliest
 * entry, and all of its entries are filed anew: in the heap, or on lower levels (calendar_turn). Each is moved once per
 * level at most. A bucket is a chain of chunks of entries, read and written in turn, and no move touches the timers,
 * each of which lies in a cold cache line of its own: a timer knows its slot, which stays; dense tables know, by slot,
 * the timer and the place of its entry.
 *
 * Invariants
 *   an entry is in the heap, or its tick is after `tick` and it is in the bucket that bucket_of says: also once `tick`
 *   has changed, since that moves within the span of the first bucket in use only, which is emptied then
 *   of a bucket's chunks only the first is not full
 *   bucket.earliest is not after its earliest entry's time, and is that while there never was a second chunk
 *   there is memory to move any entry anywhere: filing does not fail, only growing does
 *
 * Rejected: one heap (each move in one of a million writes to two cold lines); chains through the timers or through
 * slots (each step waits for memory); buckets that are sorted when their time comes (what is started within the tick
 * wants a heap anyway). A turn of a bucket of a million holds the lock for some milliseconds.
 */
#ifndef RUNG_CALENDAR_H
#define RUNG_CALENDAR_H

#include "sched/sched.h"

enum {
    CALENDAR_CHILDREN = 4,   /* of a node of the heap: one cache line */
    CALENDAR_FEW = 1024,     /* so many are in the heap, whenever they are due, while no bucket is in use; */
    CALENDAR_FEWEST = 32,    /* and so many else */
    CALENDAR_TICK_BITS = 9,
    CALENDAR_BLOCK = 64,     /* slots */
};
#define CALENDAR_MOST ((uint32_t)1 << 26) /* timers: 3 GiB of address space per processor; greater places are buckets' */

/* Of slots. Numbers begin with 1, so that of a slot is never 0. */
struct calendar_block {
    uint64_t free;  /* a bit for each */
    uint32_t next;  /* that has free ones */
};

struct calendar_bucket {
    int64_t earliest;
    uint32_t chunk; /* the first; 0: empty */
};

/* ---- calendar.c ---- */

bool calendar_grow(struct calendar *calendar);
void calendar_bucket_put(struct calendar *calendar, int64_t when, uint32_t slot);
void calendar_bucket_remove(struct calendar *calendar, uint32_t place);
int64_t calendar_bucket_filed(const struct calendar *calendar, uint32_t place);
/* On to the first bucket's time. There is one. */
void calendar_turn(struct calendar *calendar);

static always_inline int64_t calendar_tick(int64_t when)
{
    return when >> CALENDAR_TICK_BITS;
}

/* The earliest in use. There is one. */
static always_inline uint32_t calendar_first_bucket(const struct calendar *calendar)
{
    uint32_t level = (uint32_t)__builtin_ctz(calendar->used_levels);
    return level * CALENDAR_DIGITS + (uint32_t)__builtin_ctzll(calendar->used[level]);
}

/* ---- slots ---- */

/*
 * From the block that was used last, the lowest: so that timers which are started one after another have slots side by
 * side, in whatever order they and others came up before.
 */
static always_inline uint32_t slot_acquire(struct calendar *calendar)
{
    uint32_t number = calendar->free_block;
    struct calendar_block *block = &calendar->blocks[number];
    uint32_t slot = number * CALENDAR_BLOCK + (uint32_t)__builtin_ctzll(block->free);
    check(number != 0);
    block->free &= block->free - 1;
    if (block->free == 0)
        calendar->free_block = block->next;
    return slot;
}

static always_inline void slot_release(struct calendar *calendar, uint32_t slot)
{
    uint32_t number = slot / CALENDAR_BLOCK;
    struct calendar_block *block = &calendar->blocks[number];
    if (block->free == 0) {
        block->next = calendar->free_block;
        calendar->free_block = number;
    }
    block->free |= UINT64_C(1) << slot % CALENDAR_BLOCK;
}

/* ---- the heap ---- */

static always_inline void heap_put(struct calendar *calendar, uint32_t index, int64_t when, uint32_t slot)
{
    calendar->heap[index].when = when;
    calendar->heap[index].slot = slot;
    calendar->places[slot] = index;
}

static inline void heap_sift_up(struct calendar *calendar, uint32_t index, int64_t when, uint32_t slot)
{
    while (index > 0) {
        uint32_t parent = (index - 1) / CALENDAR_CHILDREN;
        const struct timer_entry *above = &calendar->heap[parent];
        if (above->when <= when)
            break;
        heap_put(calendar, index, above->when, above->slot);
        index = parent;
    }
    heap_put(calendar, index, when, slot);
}

/* Where there are four no branch is asked, since none of them could be foretold. */
static always_inline uint32_t heap_earliest_child(const struct calendar *calendar, uint32_t first)
{
    const struct timer_entry *heap = calendar->heap;
    if (likely(first + CALENDAR_CHILDREN <= calendar->heap_count)) {
        uint32_t left = first + (heap[first + 1].when < heap[first].when);
        uint32_t right = first + 2 + (heap[first + 3].when < heap[first + 2].when);
        return left + (right - left) * (heap[right].when < heap[left].when);
    }
    uint32_t earliest = first;
    for (uint32_t i = first + 1; i < calendar->heap_count; i++)
        if (heap[i].when < heap[earliest].when)
            earliest = i;
    return earliest;
}

static inline void heap_sift_down(struct calendar *calendar, uint32_t index, int64_t when, uint32_t slot)
{
    for (;;) {
        uint32_t first = index * CALENDAR_CHILDREN + 1;
        if (first >= calendar->heap_count)
            break;
        uint32_t child = heap_earliest_child(calendar, first);
        if (when <= calendar->heap[child].when)
            break;
        heap_put(calendar, index, calendar->heap[child].when, calendar->heap[child].slot);
        index = child;
    }
    heap_put(calendar, index, when, slot);
}

static inline void heap_remove(struct calendar *calendar, uint32_t index)
{
    uint32_t last = --calendar->heap_count;
    if (index == last)
        return;
    int64_t when = calendar->heap[last].when;
    uint32_t slot = calendar->heap[last].slot;
    if (index > 0 && when < calendar->heap[(index - 1) / CALENDAR_CHILDREN].when)
        heap_sift_up(calendar, index, when, slot);
    else
        heap_sift_down(calendar, index, when, slot);
}

/* ---- filing ---- */

static always_inline void calendar_file(struct calendar *calendar, int64_t when, uint32_t slot)
{
    uint32_t few = calendar->used_levels == 0 ? CALENDAR_FEW : CALENDAR_FEWEST;
    if (calendar->heap_count < few || calendar_tick(when) <= calendar->tick)
        heap_sift_up(calendar, calendar->heap_count++, when, slot);
    else
        calendar_bucket_put(calendar, when, slot);
}

static always_inline void calendar_unfile(struct calendar *calendar, uint32_t place)
{
    if (place < CALENDAR_MOST)
        heap_remove(calendar, place);
    else
        calendar_bucket_remove(calendar, place);
}

/* ---- for timer.c ---- */

/* Whether one more can be inserted; grows if need be. */
static always_inline bool calendar_has_room(struct calendar *calendar)
{
    return likely(calendar->free_block != 0) || calendar_grow(calendar);
}

/* A timer that is not pending. There is room. */
static inline void calendar_insert(struct calendar *calendar, struct timer *timer, int64_t when)
{
    uint32_t slot = slot_acquire(calendar);
    calendar->timers[slot] = timer;
    assert(timer->slot == 0);
    timer->when = when;
    timer->slot = slot;
    calendar_file(calendar, when, slot);
}

/* A pending one whose entry has been taken out. */
static always_inline void calendar_forget(struct calendar *calendar, struct timer *timer)
{
    slot_release(calendar, timer->slot);
    timer->slot = 0;
}

static inline void calendar_remove(struct calendar *calendar, struct timer *timer)
{
    calendar_unfile(calendar, calendar->places[timer->slot]);
    calendar_forget(calendar, timer);
}

/* A pending one gets another time. If that is later, its entry stays where it is, and is put right when it comes up. */
static inline void calendar_set(struct calendar *calendar, struct timer *timer, int64_t when)
{
    uint32_t place = calendar->places[timer->slot];
    timer->when = when;
    if (when >= (place < CALENDAR_MOST ? calendar->heap[place].when : calendar_bucket_filed(calendar, place)))
        return;
    calendar_unfile(calendar, place);
    calendar_file(calendar, when, timer->slot);
}

/* When to look again: the earliest time or, seldom, that of one that was removed; INT64_MAX: nothing is pending. */
static always_inline int64_t calendar_next(const struct calendar *calendar)
{
    int64_t next = calendar->heap_count > 0 ? calendar->heap[0].when : INT64_MAX;
    if (calendar->used_levels == 0)
        return next;
    int64_t in_bucket = calendar->buckets[calendar_first_bucket(calendar)].earliest;
    return next < in_bucket ? next : in_bucket;
}

/*
 * Takes out the entry of the earliest timer, if that is due, and gives back its slot; 0: none is. The timer, which is
 * not looked at and may have been set later meanwhile, stays pending: it has to be filed again, or forgotten.
 */
static inline uint32_t calendar_take(struct calendar *calendar, int64_t now)
{
    while (calendar->used_levels != 0 || calendar->heap_count > 0) {
        int64_t next = calendar_next(calendar);
        if (next > now)
            break;
        if (calendar->heap_count > 0 && calendar->heap[0].when == next) {
            uint32_t slot = calendar->heap[0].slot;
            heap_remove(calendar, 0);
            return slot;
        }
        calendar_turn(calendar);
    }
    return 0;
}

static inline void calendar_file_again(struct calendar *calendar, struct timer *timer)
{
    calendar_file(calendar, timer->when, timer->slot);
}

#endif
