/* SPDX-License-Identifier: MIT */
/*
 * stack.c: the reservation, its chunks, and their guards.
 *
 * stacks.lock guards the making of slots. Readers (stack_find, stack_next) take no lock: a chunk's class is
 * written before its count of slots is published (release), and neither ever goes back.
 *
 * Rejected: one mmap per stack (two mappings each, unordered addresses), segmented or copied stacks
 * (C keeps pointers into them), a guard of one page (a 40 KB local array steps over it).
 */
#include "machine/stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/lock.h"
#include "base/os.h"
#include "base/panic.h"
#include "base/setting.h"
#include "machine/sanitize.h"

enum { MOST_MS = 4096, G0_BYTES = 256 * 1024, MAPS_LEFT_TO_OTHERS = 4096 };

#define CHUNK_BYTES ((size_t)16 << 20)
#define MOST_CHUNKS ((size_t)1 << 18)
#define RESERVE_MOST (CHUNK_BYTES * MOST_CHUNKS)
#define RESERVE_LEAST ((size_t)64 << 20)

struct chunk {
    uint8_t class;   /* plus 1; 0: not in use. Set once, under stacks.lock, before made is published */
    uint32_t behind; /* how many chunks back the one is that this continues (stacks above 16 MiB) */
    uint32_t made;   /* slots made; atomic: stored under stacks.lock, read by anyone */
};

static struct {
    union lock lock;
    uintptr_t start, end;            /* the whole reservation */
    uintptr_t signals, g0s, chunks;  /* where each part begins */
    size_t signal_pitch, g0_bytes, g0_pitch;
    uint32_t ms;
    uint32_t chunk_count, chunk_next;   /* next: under lock, atomic for readers */
    uint32_t current[STACK_CLASSES];    /* the chunk being filled, plus 1; under lock */
    bool has_markers;
    size_t protected, protected_most;   /* mprotect guards; under lock */
    uint64_t committed;
    struct chunk chunk[MOST_CHUNKS];
} stacks;

static size_t class_bytes(int class)
{
    return STACK_SMALLEST << class;
}

static size_t class_pitch(int class)
{
    return class_bytes(class) + STACK_GUARD;
}

static uint32_t class_slots(int class)
{
    size_t slots = CHUNK_BYTES / class_pitch(class);
    return slots > 0 ? (uint32_t)slots : 1;
}

int stack_class(size_t bytes)
{
    for (int class = 0; class < STACK_CLASSES; class++)
        if (bytes <= class_bytes(class))
            return class;
    return -1;
}

/* ---- start ---- */

/* Some kernels (and qemu-user) answer 0 to an advice that they do not know: only a fault proves a guard. */
static bool markers_work(void)
{
    const char *wish = getenv("RUNG_GUARD");
    if (wish != NULL && strcmp(wish, "mprotect") == 0)
        return false;
    char *probe = os_reserve(2 * (size_t)PAGE);
    if (probe == NULL)
        return false;
    bool works = os_commit(probe, 2 * (size_t)PAGE) == 0 && os_guard_marker(probe, PAGE) == 0 &&
                 !os_is_readable(probe) && os_is_readable(probe + PAGE);
    os_release(probe, 2 * (size_t)PAGE);
    return works;
}

static size_t reserve_bytes(void)
{
    size_t wish = setting_size("RUNG_RESERVE", RESERVE_LEAST, RESERVE_MOST);
    return wish != 0 ? round_up(wish, CHUNK_BYTES) : RESERVE_MOST;
}

static size_t sanitizer_limit(size_t bytes)
{
#if defined(RUNG_SANITIZE_THREAD) || defined(RUNG_SANITIZE_ADDRESS)
    size_t limit = (size_t)64 << 30; /* their shadow covers only parts of the address space */
    return bytes < limit ? bytes : limit;
#else
    return bytes;
#endif
}

static void divide(size_t bytes)
{
    stacks.signal_pitch = round_up(STACK_GUARD + os_signal_stack_minimum() + (size_t)64 * 1024, STACK_GUARD);
    stacks.g0_bytes = G0_BYTES + os_thread_locals_bytes();
    stacks.g0_pitch = STACK_GUARD + stacks.g0_bytes;
    size_t each = stacks.signal_pitch + stacks.g0_pitch;
    size_t ms = bytes / 4 / each;
    stacks.ms = ms < MOST_MS ? (uint32_t)ms : MOST_MS;
    size_t chunk_bytes = (bytes - stacks.ms * each) / CHUNK_BYTES * CHUNK_BYTES;
    stacks.chunk_count = (uint32_t)(chunk_bytes / CHUNK_BYTES);
    if (MUTANT(G0_ABOVE)) {
        stacks.chunks = stacks.start;
        stacks.signals = stacks.chunks + chunk_bytes;
    } else {
        stacks.signals = stacks.start;
        stacks.chunks = stacks.end - chunk_bytes;
    }
    stacks.g0s = stacks.signals + stacks.ms * stacks.signal_pitch;
}

int stack_init(void)
{
    size_t bytes = sanitizer_limit(reserve_bytes());
    void *start = os_reserve_most(&bytes, RESERVE_LEAST);
    if (start == NULL)
        return -ENOMEM;
    stacks.lock.rank = RANK_STACKS;
    stacks.start = (uintptr_t)start;
    stacks.end = stacks.start + bytes;
    divide(bytes);
    sanitize_stacks(stacks.start, stacks.end);
    stacks.has_markers = markers_work();
    size_t maps = os_max_map_count();
    stacks.protected_most = maps > MAPS_LEFT_TO_OTHERS ? (maps - MAPS_LEFT_TO_OTHERS) / 2 : 0;
    return 0;
}

/* ---- making ---- */

/* Commits [low, high) with a guard below; in a chunk that is committed whole, only the guard. */
static int prepare(uintptr_t low, uintptr_t high, bool is_committed)
{
    if (stacks.has_markers && is_committed && os_guard_marker((void *)(low - STACK_GUARD), STACK_GUARD) == 0)
        return 0;
    /* Locked memory (mlockall) takes no markers: there too a guard is a mapping of its own. */
    if (stacks.protected >= stacks.protected_most)
        return -ENOMEM;
    int error = is_committed ? os_guard_protect((void *)(low - STACK_GUARD), STACK_GUARD)
                             : os_commit((void *)low, high - low);
    if (error == 0)
        stacks.protected++;
    return error;
}

static int chunk_new(int class)
{
    size_t span = round_up(class_pitch(class), CHUNK_BYTES) / CHUNK_BYTES;
    uint32_t first = stacks.chunk_next;
    if (stacks.chunk_count - first < span)
        return -ENOMEM;
    uintptr_t start = stacks.chunks + first * CHUNK_BYTES;
    if (stacks.has_markers && os_commit((void *)start, span * CHUNK_BYTES) != 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < span; i++)
        stacks.chunk[first + i] = (struct chunk){ .class = (uint8_t)(class + 1), .behind = i };
    stacks.current[class] = first + 1;
    atomic_store_release(&stacks.chunk_next, first + (uint32_t)span); /* pairs with stack_find, stack_next */
    return 0;
}

static struct stack slot(uint32_t chunk, int class, uint32_t index)
{
    uintptr_t low = stacks.chunks + chunk * CHUNK_BYTES + index * class_pitch(class) + STACK_GUARD;
    return (struct stack){ low, low + class_bytes(class), STACK_GOROUTINE, index };
}

int stack_new(int class, struct stack *stack)
{
    int error = 0;
    lock_acquire(&stacks.lock);
    uint32_t current = stacks.current[class];
    if (current == 0 || stacks.chunk[current - 1].made == class_slots(class))
        error = chunk_new(class);
    if (error == 0) {
        uint32_t number = stacks.current[class] - 1;
        struct chunk *chunk = &stacks.chunk[number];
        *stack = slot(number, class, chunk->made);
        error = prepare(stack->low, stack->high, stacks.has_markers);
        if (error == 0) {
            atomic_store_relaxed(&stacks.committed, stacks.committed + (stack->high - stack->low));
            atomic_store_release(&chunk->made, chunk->made + 1); /* pairs with stack_next */
        }
    }
    lock_release(&stacks.lock);
    return error;
}

uint32_t stack_m_limit(void)
{
    return stacks.ms;
}

int stack_m_new(uint32_t m, struct stack *g0, struct stack *signal)
{
    if (m >= stacks.ms)
        return -ENOMEM;
    uintptr_t high = stacks.g0s + (m + 1) * stacks.g0_pitch;
    *g0 = (struct stack){ high - stacks.g0_bytes, high, STACK_G0, m };
    high = stacks.signals + (m + 1) * stacks.signal_pitch;
    *signal = (struct stack){ high - stacks.signal_pitch + STACK_GUARD, high, STACK_SIGNAL, m };
    /* Two mappings per thread are few: no markers needed. */
    if (os_commit((void *)g0->low, g0->high - g0->low) != 0)
        return -ENOMEM;
    return os_commit((void *)signal->low, signal->high - signal->low);
}

/* ---- finding ---- */

static struct stack find_goroutine(uintptr_t address)
{
    struct stack none = { .kind = STACK_NONE };
    size_t number = (address - stacks.chunks) / CHUNK_BYTES;
    if (address < stacks.chunks || number >= atomic_load_acquire(&stacks.chunk_next)) /* pairs with chunk_new */
        return none;
    number -= stacks.chunk[number].behind;
    int class = stacks.chunk[number].class - 1;
    size_t index = (address - (stacks.chunks + number * CHUNK_BYTES)) / class_pitch(class);
    if (index >= atomic_load_acquire(&stacks.chunk[number].made)) /* pairs with stack_new */
        return none;
    return slot((uint32_t)number, class, (uint32_t)index);
}

bool stack_is_reserved(uintptr_t address)
{
    return address >= stacks.start && address < stacks.end;
}

struct stack stack_find(uintptr_t address)
{
    struct stack none = { .kind = STACK_NONE };
    if (!stack_is_reserved(address))
        return none;
    if (address >= stacks.g0s && address < stacks.g0s + stacks.ms * stacks.g0_pitch) {
        uint32_t m = (uint32_t)((address - stacks.g0s) / stacks.g0_pitch);
        uintptr_t high = stacks.g0s + (m + 1) * stacks.g0_pitch;
        return (struct stack){ high - stacks.g0_bytes, high, STACK_G0, m };
    }
    if (address >= stacks.signals && address < stacks.g0s) {
        uint32_t m = (uint32_t)((address - stacks.signals) / stacks.signal_pitch);
        uintptr_t high = stacks.signals + (m + 1) * stacks.signal_pitch;
        return (struct stack){ high - stacks.signal_pitch + STACK_GUARD, high, STACK_SIGNAL, m };
    }
    return find_goroutine(address);
}

/* The cursor is chunk << 32 | slot. */
bool stack_next(uint64_t *cursor, struct stack *stack)
{
    uint32_t number = (uint32_t)(*cursor >> 32), index = (uint32_t)*cursor;
    for (; number < atomic_load_acquire(&stacks.chunk_next); number++, index = 0) { /* pairs with chunk_new */
        const struct chunk *chunk = &stacks.chunk[number];
        if (chunk->behind == 0 && index < atomic_load_acquire(&chunk->made)) { /* pairs with stack_new */
            *stack = slot(number, chunk->class - 1, index);
            *cursor = (uint64_t)number << 32 | (index + 1);
            return true;
        }
    }
    return false;
}

void stack_trim(const struct stack *stack, size_t keep)
{
    uintptr_t end = (stack->high - keep) / PAGE * PAGE;
    if (end > stack->low)
        os_discard((void *)stack->low, end - stack->low);
}

const char *stack_guard_name(void)
{
    return stacks.has_markers ? "marker" : "mprotect";
}

uint64_t stack_bytes_committed(void)
{
    return atomic_load_relaxed(&stacks.committed);
}
