/* SPDX-License-Identifier: MIT */
/*
 * atomic.h: every atomic operation of rung, with its order in its name.
 *
 * One of two seams (the other is os.h) through which the scheduler can be model-checked: nothing
 * goes round it. There is no default order. Each use that is not relaxed names its partner in a
 * comment, and docs/memory-order.md lists the pairs.
 *
 * Asymmetric fences. Several protocols are Dekker's: each side stores its own flag, then loads the
 * other's, and at least one must see the other. One side runs millions of times a second, the other
 * seldom. The fast side calls fence_light (a compiler barrier), the seldom side fence_heavy
 * (os.h: membarrier(2), which makes every running thread of the process execute a full fence).
 * Where the kernel has no membarrier, fence_light is a real fence and fence_heavy another.
 */
#ifndef RUNG_ATOMIC_H
#define RUNG_ATOMIC_H

#include "base/base.h"

#define atomic_load_relaxed(p)       __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_load_acquire(p)       __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atomic_store_relaxed(p, v)   __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define atomic_store_release(p, v)   __atomic_store_n((p), (v), __ATOMIC_RELEASE)

#define atomic_or_acquire(p, v)      __atomic_fetch_or((p), (v), __ATOMIC_ACQUIRE)
#define atomic_swap_acquire(p, v)    __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define atomic_swap_acq_rel(p, v)    __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
#define atomic_swap_seq_cst(p, v)    __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)

#define atomic_add_relaxed(p, v)     __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define atomic_add_acq_rel(p, v)     __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define atomic_add_seq_cst(p, v)     __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define atomic_and_relaxed(p, v)     __atomic_fetch_and((p), (v), __ATOMIC_RELAXED)
#define atomic_and_seq_cst(p, v)     __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
#define atomic_or_seq_cst(p, v)      __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)

/* Each gives back whether the swap happened; *expected holds what was found. */
#define atomic_cas_acquire(p, expected, v)                                                         \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define atomic_cas_release(p, expected, v)                                                         \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define atomic_cas_acq_rel(p, expected, v)                                                         \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#define atomic_cas_seq_cst(p, expected, v)                                                         \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* One more of what only the caller counts, and others may read: not locked, and whole. */
static always_inline void atomic_count(uint64_t *count)
{
#if defined(__x86_64__)
    __asm__ volatile("addq $1, %0" : "+m"(*count) : : "cc"); /* a compiler makes three of it */
#else
    atomic_store_relaxed(count, atomic_load_relaxed(count) + 1);
#endif
}

#define fence_compiler()             __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define fence_seq_cst()              __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* atomic; set as the first thread calls rung: fence_heavy alone orders the two sides. */
extern bool rung_fence_is_asymmetric;

static always_inline void fence_light(void)
{
    fence_compiler();
    if (unlikely(!atomic_load_relaxed(&rung_fence_is_asymmetric)))
        fence_seq_cst();
}

static always_inline void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
