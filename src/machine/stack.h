/* SPDX-License-Identifier: MIT */
/*
 * stack.h: where stacks come from.
 *
 * One reservation of address space, made once, never given back:
 *
 *   | signal stacks, one per m | g0 stacks, one per m | chunks of goroutine stacks ...            |
 *   low                                                                                        high
 *
 * so that a link from a signal handler to g0 to a goroutine always rises (DESIGN 2.3). A chunk holds
 * slots of one size class, each slot a guard and above it a stack:
 *
 *   | guard 64 KiB | stack 16 KiB << class | guard | stack | ...
 *
 * A slot's memory is type-stable: it is a goroutine stack of its class for ever, and the g at its top
 * stays readable. That is what lets a dump, a canceller or a timer look at a goroutine that may have
 * ended. Recycling is the scheduler's (g.c); here slots are only made.
 *
 * Guards are markers in the page tables (MADV_GUARD_INSTALL), which cost no mapping, where a probe at
 * start shows that they fault; else mprotect, up to a share of vm.max_map_count.
 */
#ifndef RUNG_STACK_H
#define RUNG_STACK_H

#include "base/base.h"

enum {
    STACK_CLASSES = 17,             /* 16 KiB to 1 GiB */
    STACK_DEFAULT = 256 * 1024,
    STACK_GUARD = 64 * 1024,
};
#define STACK_SMALLEST ((size_t)16 * 1024)
#define STACK_LARGEST  (STACK_SMALLEST << (STACK_CLASSES - 1))

enum stack_kind { STACK_NONE = 1, STACK_SIGNAL, STACK_G0, STACK_GOROUTINE };

struct stack {
    uintptr_t low, high; /* usable: [low, high); the guard lies below low */
    enum stack_kind kind;
    uint32_t index;      /* of the m, or of the slot within its chunk */
};

/* Reserves and probes. Once per process. 0 or -ENOMEM. */
int stack_init(void);

/* The class that holds `bytes`, or -1. */
int stack_class(size_t bytes);

/* Makes a goroutine stack that never was. 0 or -ENOMEM. Takes stacks.lock. */
int stack_new(int class, struct stack *stack);

/* How many ms there is room for, and the two stacks of one. 0 or -ENOMEM. */
uint32_t stack_m_limit(void);
int stack_m_new(uint32_t m, struct stack *g0, struct stack *signal);

/* Which stack an address lies in, its guard included; kind STACK_NONE for none. Async-signal-safe. */
struct stack stack_find(uintptr_t address);

/* Whether it lies in the reservation, be there a stack or none. Async-signal-safe. */
bool stack_is_reserved(uintptr_t address);

/*
 * Every goroutine stack ever made, in turn: start with *cursor = 0, ends with false. Async-signal-safe;
 * one made meanwhile may be missed.
 */
bool stack_next(uint64_t *cursor, struct stack *stack);

/* Gives back the pages of an unused stack below its top `keep` bytes, if there are any. */
void stack_trim(const struct stack *stack, size_t keep);

const char *stack_guard_name(void);
uint64_t stack_bytes_committed(void);

#endif
