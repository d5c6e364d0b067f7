/* SPDX-License-Identifier: MIT */
/*
 * calendar.c: the memory and the buckets of calendar.h.
 *
 * One reservation of address space holds all; what is used of each part is committed by doubling and never moves:
 *
 *   | buckets | timers | heap | blocks of slots | places | chunks |
 *
 * A place is the number of a heap's entry; or CALENDAR_MOST plus that of a chunk times PLACES, plus an index in it.
 * Numbers of chunks and blocks begin with 1.
 */
#include "sched/calendar.h"

#include "base/os.h"

enum {
    DIGIT_BITS = 6,
    BUCKETS = CALENDAR_LEVELS * CALENDAR_DIGITS,
    BUCKET_BYTES = round_up(BUCKETS * sizeof(struct calendar_bucket), PAGE),
    CHUNK = 63,    /* entries, */
    PLACES = 64,   /* and the chunk's head in place of one */
    STAGGER = CACHE_LINE, /* between arrays, or their first elements would share a cache set, and stores delay loads */
    LEAST = 16384, /* timers: for so many there is memory at first; whole pages of blocks */
};

struct calendar_chunk {
    uint32_t next;  /* 0: none */
    uint32_t count;
    uint64_t unused;
    struct timer_entry entries[CHUNK];
};

_Static_assert(CALENDAR_DIGITS == 1 << DIGIT_BITS, "a bucket for each digit");
_Static_assert((63 - CALENDAR_TICK_BITS + DIGIT_BITS - 1) / DIGIT_BITS == CALENDAR_LEVELS, "a level for each digit");
_Static_assert(sizeof(struct calendar_chunk) == PLACES * sizeof(struct timer_entry), "no gaps");

/* ---- memory ---- */

/* Beside full ones: one for each bucket, number 0, and two of the bucket that is just emptied. */
static size_t chunks_for(uint32_t timers)
{
    return timers / CHUNK + BUCKETS + 3;
}

static size_t bytes_for(uint32_t timers)
{
    size_t each = sizeof(struct timer *) + sizeof(struct timer_entry) + sizeof(uint32_t);
    size_t blocks = timers / CALENDAR_BLOCK * sizeof(struct calendar_block);
    return BUCKET_BYTES + timers * each + blocks + PAGE + round_up(chunks_for(timers) * sizeof(struct calendar_chunk), PAGE);
}

static bool reserve(struct calendar *calendar)
{
    size_t bytes = bytes_for(CALENDAR_MOST);
    char *start = os_reserve_most(&bytes, bytes_for(2 * LEAST));
    if (start == NULL)
        return false;
    uint32_t most = CALENDAR_MOST;
    while (bytes_for(most) > bytes)
        most -= LEAST;
    calendar->most = most;
    calendar->buckets = (struct calendar_bucket *)start;
    calendar->timers = (struct timer **)(start + BUCKET_BYTES + STAGGER) - CALENDAR_BLOCK;
    calendar->heap = (struct timer_entry *)((char *)(calendar->timers + CALENDAR_BLOCK + most) + STAGGER);
    calendar->blocks = (struct calendar_block *)((char *)(calendar->heap + most) + STAGGER) - 1;
    calendar->places = (uint32_t *)((char *)(calendar->blocks + 1 + most / CALENDAR_BLOCK) + STAGGER) - CALENDAR_BLOCK;
    calendar->chunks = (struct calendar_chunk *)((char *)(calendar->places + CALENDAR_BLOCK + most) + STAGGER);
    return true;
}

/* An array of `old` elements gets room for `new`: whole pages, the first and last of which may be there already. */
static bool commit(void *array, size_t size, size_t old, size_t new)
{
    uintptr_t begin = ((uintptr_t)array + old * size) / PAGE * PAGE;
    return os_commit((void *)begin, round_up((uintptr_t)array + new * size, PAGE) - begin) == 0;
}

static bool commit_all(struct calendar *calendar, uint32_t old, uint32_t new)
{
    size_t old_chunks = old == 0 ? 0 : chunks_for(old);
    return (old != 0 || commit(calendar->buckets, 1, 0, BUCKET_BYTES)) &&
           commit(calendar->timers + CALENDAR_BLOCK, sizeof *calendar->timers, old, new) &&
           commit(calendar->heap, sizeof *calendar->heap, old, new) &&
           commit(calendar->blocks + 1, sizeof *calendar->blocks, old / CALENDAR_BLOCK, new / CALENDAR_BLOCK) &&
           commit(calendar->places + CALENDAR_BLOCK, sizeof *calendar->places, old, new) &&
           commit(calendar->chunks, sizeof *calendar->chunks, old_chunks, chunks_for(new));
}

/* Address space for the most, memory for what is used: growing copies nothing. False: no memory. */
cold bool calendar_grow(struct calendar *calendar)
{
    if (calendar->buckets == NULL && !reserve(calendar))
        return false;
    uint32_t old = calendar->capacity, new = old == 0 ? LEAST : old * 2;
    if (new > calendar->most || !commit_all(calendar, old, new))
        return false;
    calendar->capacity = new;
    for (uint32_t block = new / CALENDAR_BLOCK; block > old / CALENDAR_BLOCK; block--) {
        calendar->blocks[block] = (struct calendar_block){ .free = ~UINT64_C(0), .next = calendar->free_block };
        calendar->free_block = block;
    }
    return true;
}

/* ---- chunks ---- */

/* An empty one, with `next` behind it. */
static uint32_t chunk_acquire(struct calendar *calendar, uint32_t next)
{
    uint32_t chunk = calendar->free_chunk;
    if (chunk != 0) {
        calendar->free_chunk = calendar->chunks[chunk].next;
    } else {
        chunk = ++calendar->chunks_used;
        check(chunk < chunks_for(calendar->capacity));
    }
    calendar->chunks[chunk].next = next;
    calendar->chunks[chunk].count = 0;
    return chunk;
}

/* Gives back what came behind it. */
static uint32_t chunk_release(struct calendar *calendar, uint32_t chunk)
{
    uint32_t next = calendar->chunks[chunk].next;
    calendar->chunks[chunk].next = calendar->free_chunk;
    calendar->free_chunk = chunk;
    return next;
}

static void chunk_put(struct calendar *calendar, uint32_t chunk, uint32_t index, int64_t when, uint32_t slot)
{
    struct timer_entry *entry = &calendar->chunks[chunk].entries[index];
    entry->when = when;
    entry->slot = slot;
    calendar->places[slot] = CALENDAR_MOST + chunk * PLACES + index;
}

/* ---- buckets ---- */

/* Of a tick that is to come. */
static uint32_t bucket_of(const struct calendar *calendar, int64_t tick)
{
    uint32_t highest_bit = 63 - (uint32_t)__builtin_clzll((uint64_t)(tick ^ calendar->tick));
    uint32_t level = highest_bit / DIGIT_BITS;
    return level * CALENDAR_DIGITS + (uint32_t)(tick >> level * DIGIT_BITS) % CALENDAR_DIGITS;
}

static void mark_used(struct calendar *calendar, uint32_t number)
{
    uint32_t level = number / CALENDAR_DIGITS;
    calendar->used[level] |= UINT64_C(1) << number % CALENDAR_DIGITS;
    calendar->used_levels |= 1U << level;
}

static void mark_empty(struct calendar *calendar, uint32_t number)
{
    uint32_t level = number / CALENDAR_DIGITS;
    calendar->used[level] &= ~(UINT64_C(1) << number % CALENDAR_DIGITS);
    if (calendar->used[level] == 0)
        calendar->used_levels &= ~(1U << level);
}

void calendar_bucket_put(struct calendar *calendar, int64_t when, uint32_t slot)
{
    uint32_t number = bucket_of(calendar, calendar_tick(when));
    struct calendar_bucket *bucket = &calendar->buckets[number];
    if (bucket->chunk == 0) {
        mark_used(calendar, number);
        bucket->earliest = when;
    } else if (when < bucket->earliest) {
        bucket->earliest = when;
    }
    if (bucket->chunk == 0 || calendar->chunks[bucket->chunk].count == CHUNK)
        bucket->chunk = chunk_acquire(calendar, bucket->chunk);
    chunk_put(calendar, bucket->chunk, calendar->chunks[bucket->chunk].count++, when, slot);
}

int64_t calendar_bucket_filed(const struct calendar *calendar, uint32_t place)
{
    place -= CALENDAR_MOST;
    return calendar->chunks[place / PLACES].entries[place % PLACES].when;
}

/* The earliest is gone. Where there is more than one chunk its time is left as a bound. */
static void find_earliest(struct calendar_bucket *bucket, const struct calendar_chunk *chunk)
{
    if (chunk->next != 0)
        return;
    bucket->earliest = chunk->entries[0].when;
    for (uint32_t i = 1; i < chunk->count; i++)
        if (chunk->entries[i].when < bucket->earliest)
            bucket->earliest = chunk->entries[i].when;
}

/* The last of the first chunk takes its place. */
void calendar_bucket_remove(struct calendar *calendar, uint32_t place)
{
    int64_t when = calendar_bucket_filed(calendar, place);
    uint32_t number = bucket_of(calendar, calendar_tick(when));
    struct calendar_bucket *bucket = &calendar->buckets[number];
    struct calendar_chunk *first = &calendar->chunks[bucket->chunk];
    uint32_t last = --first->count;
    uint32_t chunk = (place - CALENDAR_MOST) / PLACES, index = (place - CALENDAR_MOST) % PLACES;
    if (chunk != bucket->chunk || index != last)
        chunk_put(calendar, chunk, index, first->entries[last].when, first->entries[last].slot);
    if (last == 0)
        bucket->chunk = chunk_release(calendar, bucket->chunk);
    if (bucket->chunk == 0)
        mark_empty(calendar, number);
    else if (when == bucket->earliest)
        find_earliest(bucket, &calendar->chunks[bucket->chunk]);
}

void calendar_turn(struct calendar *calendar)
{
    uint32_t number = calendar_first_bucket(calendar);
    struct calendar_bucket *bucket = &calendar->buckets[number];
    uint32_t chunk = bucket->chunk;
    bucket->chunk = 0;
    mark_empty(calendar, number);
    calendar->tick = calendar_tick(bucket->earliest);
    while (chunk != 0) {
        const struct calendar_chunk *source = &calendar->chunks[chunk];
        __builtin_prefetch(&calendar->chunks[source->next]);
        for (uint32_t i = 0; i < source->count; i++)
            calendar_file(calendar, source->entries[i].when, source->entries[i].slot);
        chunk = chunk_release(calendar, chunk);
    }
}
