/* SPDX-License-Identifier: MIT */
/*
 * table.c: each distinct stack and string of a generation, once.
 *
 * A table has slots by hash, which are filled but once, by compare-and-swap; what they point to lies in a buffer of who put it
 * in. Whoever meets a stack again finds it by a look that writes nothing.
 *
 * Frame records are followed first: two loads a frame. Such a stack is only believed once the unwinder, which knows of code
 * that keeps no records, has found the same pcs: see stack_unwound.
 *
 * Most stacks are those of a few places, at each of which all are equally deep. So the last two stacks of each depth, in bytes, are
 * compared with the records first, pc for pc, without a hash: a third of the instructions.
 */
#include <string.h>

#include "machine/unwind.h"
#include "sched/tracer.h"

/* Stacks are read as words, whatever a sanitizer thinks lies there. */
#define reads_stacks __attribute__((no_sanitize("address", "thread", "undefined")))

void table_clear(uint32_t generation)
{
    memset(&tracing.tables[generation & 1], 0, sizeof(struct table));
    atomic_store_relaxed(&tracing.lost[generation & 1], 0);
}

/* Room for a record of so many bytes in the tracer's buffer, or NULL. */
static struct trace_record *record_new(struct tracer *tracer, uint32_t generation, size_t bytes)
{
    struct trace_buffer **place = &tracer->tables[generation & 1], *buffer = *place;
    if (buffer == NULL || buffer->used + bytes > BYTES)
        buffer = buffer_next(tracer, place, generation, TRACE_TABLES);
    return buffer != NULL ? (struct trace_record *)(buffer->bytes + buffer->used) : NULL;
}

static always_inline bool is_record(const struct trace_record *record, uint64_t hash, enum trace_record_kind kind,
                                    const void *data, size_t count, size_t bytes)
{
    return record->hash == hash && record->kind == kind && record->count == count &&
           memcmp(record->words, data, bytes) == 0;
}

/* A record with a number of its own, that no table leads to yet; NULL without a buffer. */
static struct trace_record *record_add(struct tracer *tracer, uint32_t generation, uint64_t hash, enum trace_record_kind kind,
                                       const void *data, size_t count, size_t bytes)
{
    struct table *table = &tracing.tables[generation & 1];
    size_t room = sizeof(struct trace_record) + round_up(bytes, (size_t)8);
    struct trace_record *record = record_new(tracer, generation, room);
    if (record == NULL)
        return NULL;
    record->hash = hash;
    record->kind = (uint16_t)kind;
    record->count = (uint16_t)count;
    memcpy(record->words, data, bytes);
    record->id = atomic_add_relaxed(kind == TRACE_STRING ? &table->strings : &table->stacks, 1) + 1;
    struct trace_buffer *buffer = tracer->tables[generation & 1];
    atomic_store_release(&buffer->used, buffer->used + (uint32_t)room); /* release: as emit's; before any event names it */
    return record;
}

/* Puts it into the table, unless another was faster. Its number; 0 if there is no room. */
static noinline uint32_t table_add(struct tracer *tracer, uint32_t generation, uint64_t hash, enum trace_record_kind kind,
                                   const void *data, size_t count, size_t bytes)
{
    struct table *table = &tracing.tables[generation & 1];
    uint32_t used = atomic_load_relaxed(&table->stacks) + atomic_load_relaxed(&table->strings);
    if (used >= SLOTS_USED_MANY)
        tell_full_table();
    if (used >= SLOTS_USED_MOST)
        return 0;
    struct trace_record *record = record_add(tracer, generation, hash, kind, data, count, bytes);
    if (record == NULL)
        return 0;
    for (uint64_t slot = hash;; slot++) {
        struct trace_record **place = &table->slots[slot % SLOTS], *found = NULL;
        if (atomic_cas_acq_rel(place, &found, record)) /* pairs with table_get */
            return record->id;
        if (is_record(found, hash, kind, data, count, bytes))
            return found->id;
    }
}

static always_inline uint32_t table_get(struct tracer *tracer, uint32_t generation, uint64_t hash,
                                        enum trace_record_kind kind, const void *data, size_t count, size_t bytes)
{
    struct table *table = &tracing.tables[generation & 1];
    for (uint64_t slot = hash;; slot++) {
        const struct trace_record *record = atomic_load_acquire(&table->slots[slot % SLOTS]); /* pairs with table_add */
        if (unlikely(record == NULL))
            return table_add(tracer, generation, hash, kind, data, count, bytes);
        if (likely(is_record(record, hash, kind, data, count, bytes)))
            return record->id;
    }
}

#define HASH_SEED UINT64_C(0x243f6a8885a308d3)

static always_inline uint64_t hash_add(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

uint32_t stack_of(struct tracer *tracer, uint32_t generation, const uintptr_t *pcs, size_t count)
{
    uint64_t hash = HASH_SEED;
    for (size_t i = 0; i < count; i++)
        hash = hash_add(hash, pcs[i]);
    return count > 0 ? table_get(tracer, generation, hash, TRACE_STACK, pcs, count, count * sizeof *pcs) : 0;
}

/* A stack of frame records that was met before in this generation, or NULL. */
static always_inline const struct trace_record *table_find(uint32_t generation, uint64_t hash, const uintptr_t *pcs,
                                                           size_t count)
{
    const struct table *table = &tracing.tables[generation & 1];
    for (uint64_t slot = hash;; slot++) {
        const struct trace_record *record = atomic_load_acquire(&table->slots[slot % SLOTS]); /* pairs with table_add */
        if (unlikely(record == NULL))
            return NULL;
        if (likely(record->hash == hash && record->kind == TRACE_RECORDS && record->count == count)) {
            size_t i = 0;
            while (i < count && record->words[i] == pcs[i])
                i++;
            if (likely(i == count))
                return record;
        }
    }
}

/* As it has to be the same in another generation; more of them than there are numbers are a loss. */
static noinline uint32_t string_beside(struct tracer *tracer, uint32_t generation, uint64_t hash, const char *string, size_t bytes)
{
    bool has_number = atomic_load_relaxed(&tracing.tables[generation & 1].strings) < STRINGS_MOST;
    const struct trace_record *record =
        has_number ? record_add(tracer, generation, hash, TRACE_STRING, string, bytes, bytes) : NULL;
    if (!has_number)
        count_lost(generation);
    return record != NULL ? record->id : 0;
}

uint32_t string_of(struct tracer *tracer, uint32_t generation, const char *string, bool has_to_be)
{
    size_t bytes = strnlen(string, TRACE_STRING_MOST);
    uint64_t hash = bytes;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (uint8_t)string[i]) * UINT64_C(0x100000001b3);
    hash ^= hash >> 32;
    if (bytes == 0)
        return 0;
    uint32_t id = table_get(tracer, generation, hash, TRACE_STRING, string, bytes, bytes);
    if (unlikely(id == 0) && has_to_be)
        id = string_beside(tracer, generation, hash, string, bytes);
    return id != 0 ? id + TRACE_FIXED_STRINGS : FIXED_NO_ROOM;
}

/*
 * Follows frame pointers to the root, whatever code the frames belong to; gives back the number of pcs, 0 if that leads
 * nowhere, and their hash.
 */
reads_stacks static always_inline size_t walk_records(uintptr_t fp, uintptr_t hi, uintptr_t *pcs, uint64_t *hash)
{
    uint64_t mixed = HASH_SEED;
    for (size_t count = 0; count < UNWIND_DEPTH_MAX; count++) {
        const struct frame_record *record = (const struct frame_record *)fp;
        uintptr_t pc = record->pc, up = record->bp;
        if (pc == 0) {
            *hash = mixed;
            return count;
        }
        pcs[count] = pc;
        mixed = hash_add(mixed, pc);
        if (unlikely(up <= fp || up > hi - sizeof *record || up % sizeof up != 0))
            return 0;
        fp = up;
    }
    return 0;
}

/*
 * Another way through the unwinder, which knows what code keeps no records. Where it finds the same pcs all the code does,
 * and so it will whenever the records say the same again: they alone are good then (TRACE_RECORDS).
 */
static noinline uint32_t stack_unwound(struct tracer *tracer, uint32_t generation, const struct frame_record *record,
                                       const struct stack_range *range, size_t count, uint64_t hash)
{
    uintptr_t pcs[UNWIND_DEPTH_MAX];
    struct unwind_start start = { .pc = record->pc, .fp = record->bp }; /* where sp is only x86-64's records tell */
    size_t depth = unwind(&start, range, 1, pcs, UNWIND_DEPTH_MAX);
    if (depth == count && memcmp(pcs, tracer->pcs, depth * sizeof *pcs) == 0)
        return table_get(tracer, generation, hash, TRACE_RECORDS, pcs, depth, depth * sizeof *pcs);
    return stack_of(tracer, generation, pcs, depth);
}

/* The stack of m that a frame may lie on, if it is not g0. */
static struct stack_range stack_of_m(const struct m *m, const struct g *g)
{
    return g->is_thread ? (struct stack_range){ m->g0.low, m->g0.high }
                        : (struct stack_range){ g->stack_low, g->stack_high & ~(uintptr_t)7 };
}

/* Without a guess that is right. */
reads_stacks static noinline uint32_t stack_walked(struct m *m, uint32_t generation, uintptr_t fp, struct trace_guess guesses[2])
{
    const struct g *g = m_g(m);
    struct stack_range range = stack_of_m(m, g);
    if (fp < range.lo || fp > range.hi - sizeof(struct frame_record))
        return 0;
    uint64_t hash = 0;
    size_t count = g->is_thread ? 0 : walk_records(fp, range.hi, m->tracer.pcs, &hash);
    const struct trace_record *known = count > 0 ? table_find(generation, hash, m->tracer.pcs, count) : NULL;
    if (known == NULL)
        return stack_unwound(&m->tracer, generation, (const struct frame_record *)fp, &range, count, hash);
    guesses[1] = guesses[0];
    guesses[0] = (struct trace_guess){ known, generation };
    return known->id;
}

/* Whether the records from fp on are that stack's, to the root. Only what lies between fp and `high` is read. */
reads_stacks static always_inline bool is_stack(const struct trace_record *known, uintptr_t fp, uintptr_t high)
{
    const uint64_t *pc = known->words, *end = pc + known->count;
    uintptr_t low = fp, room = high - low - sizeof(struct frame_record);
    for (; pc < end; pc++) {
        const struct frame_record *record = (const struct frame_record *)fp;
        fp = record->bp;
        if (record->pc != *pc || unlikely(fp - low > room))
            return false;
    }
    return ((const struct frame_record *)fp)->pc == 0;
}

/* The first guess is wrong. */
reads_stacks static noinline uint32_t stack_guessed_second(struct m *m, uint32_t generation, uintptr_t fp, struct trace_guess guesses[2])
{
    struct trace_guess first = guesses[0], second = guesses[1];
    if (second.generation != generation || !is_stack(second.record, fp, (uintptr_t)m_g(m)))
        return stack_walked(m, generation, fp, guesses);
    guesses[0] = second;
    guesses[1] = first;
    return second.record->id;
}

/* The stack that the frame lies on, from that frame's caller on; 0 on g0. A goroutine's ends where its g begins. */
hot reads_stacks uint32_t stack_from(struct m *m, uint32_t generation, const void *frame)
{
    uintptr_t fp = (uintptr_t)frame, high = (uintptr_t)m_g(m);
    struct trace_guess *guesses = m->tracer.guesses[(high - fp) / sizeof(struct frame_record) % TRACE_GUESSES];
    if (unlikely(m->is_thread) || unlikely(fp - m->g0.low < m->g0.high - m->g0.low))
        return m->is_thread ? stack_walked(m, generation, fp, guesses) : 0;
    if (likely(guesses[0].generation == generation) && likely(is_stack(guesses[0].record, fp, high)))
        return guesses[0].record->id;
    return stack_guessed_second(m, generation, fp, guesses);
}

/* One frame: where a goroutine begins. Return addresses are looked up by one less, so this is one more. */
uint32_t stack_of_function(struct tracer *tracer, uint32_t generation, uintptr_t function)
{
    uintptr_t pc = function + 1;
    return stack_of(tracer, generation, &pc, 1);
}
