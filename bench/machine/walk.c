/* SPDX-License-Identifier: MIT */
/*
 * walk.c: what a step of unwind.c costs, beside a raw walk along the frame pointers.
 *
 * A program of its own, since it looks at librung's inside. From the repository's root:
 *   gcc -std=gnu11 -O2 -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls \
 *       -Isrc -Iinclude -o walk bench/machine/walk.c src/machine/{cfi,symbol,object,unwind}.c \
 *       src/base/{os,lock,text}.c && ./walk
 */
#define _GNU_SOURCE
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/os.h"
#include "machine/arch.h"
#include "machine/cfi.h"
#include "machine/object.h"
#include "machine/unwind.h"

enum { ROUNDS = 200000, BATCHES = 7, DEPTH = 32 };

static struct stack_range range;
static uintptr_t pcs[UNWIND_DEPTH_MAX];
static size_t depth;
static const char *title;

/* The walk that crashes: no checks but for the root. */
static noinline size_t walk_raw(size_t capacity)
{
    const struct frame_record *record = __builtin_frame_address(0);
    size_t count = 0;
    while (record != NULL && count < capacity) {
        pcs[count++] = record->pc;
        record = (const struct frame_record *)record->bp;
    }
    return count;
}

static noinline size_t walk_backtrace(size_t capacity)
{
    return (size_t)backtrace((void **)pcs, (int)capacity);
}

static noinline size_t walk_ours(size_t capacity)
{
    return unwind_here(&range, 1, pcs, capacity);
}

static void report(const char *what, size_t (*walk)(size_t capacity), int rounds)
{
    double best = 1e9;
    size_t count = walk(DEPTH);
    for (int batch = 0; batch < BATCHES; batch++) {
        int64_t start = os_now();
        for (int i = 0; i < rounds; i++)
            count = walk(DEPTH);
        double each = (double)(os_now() - start) / rounds;
        best = each < best ? each : best;
    }
    printf("%-28s %-10s %3zu frames %8.1f ns/walk %7.2f ns/frame\n", title, what, count, best,
           best / (double)count);
}

static void measure(void)
{
    if (title[0] == 'f')
        report("raw", walk_raw, ROUNDS);
    report("unwind", walk_ours, ROUNDS);
    report("backtrace", walk_backtrace, ROUNDS / 10);
}

static noinline void framed(size_t left)
{
    if (left > 0)
        framed(left - 1);
    else
        measure();
    __asm__ volatile("");
}

#if defined(__GNUC__) && !defined(__clang__)
__attribute__((__noinline__, optimize("omit-frame-pointer"))) static void frameless(size_t left,
                                                                                    size_t salt)
{
    if (left > 0)
        frameless(left - 1, salt + left);
    else
        measure();
    __asm__ volatile("" : : "r"(salt));
}
#endif

static int through_libc(const void *key, const void *item)
{
    if (++depth == DEPTH / 2)
        measure();
    else
        bsearch(key, item, 1, 1, through_libc);
    return 0;
}

/* A look-up that misses the cache, at pcs spread over libc. */
static void measure_miss(void)
{
    uintptr_t start = (uintptr_t)qsort & ~(uintptr_t)0xfffff;
    uint64_t random = 88172645463325252u;
    unsigned sum = 0;
    int64_t begin = os_now();
    for (int i = 0; i < ROUNDS * 10; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        sum += object_rule(start + random % 0x100000, object_generation());
    }
    printf("look-up in libc, no cache: %.1f ns (%u)\n", (double)(os_now() - begin) / (ROUNDS * 10),
           sum);
}

int main(void)
{
    struct object_sizes sizes;
    int64_t start = os_now();
    object_refresh();
    printf("refresh: %lld us, %u rules\n", (long long)(os_now() - start) / 1000, cfi_rule_count());
    if (object_sizes((uintptr_t)qsort, &sizes))
        printf("libc: %zu rows, %.3f bytes a row\n", sizes.rows,
               (double)sizes.row_bytes / (double)sizes.rows);
    unwind_thread_range(&range);
    title = "framed";
    framed(DEPTH + 4);
#if defined(__GNUC__) && !defined(__clang__)
    title = "-fomit-frame-pointer";
    frameless(DEPTH + 4, 1);
#endif
    title = "bsearch and its callback";
    bsearch("k", "i", 1, 1, through_libc);
    measure_miss();
    return 0;
}
