/* SPDX-License-Identifier: MIT */
/*
 * unwind.c: walks a stack.
 *
 * How it works. Each step looks up the rule (cfi.h) of the pc, the rule says where the caller's
 * sp, fp and pc are, and the step loads them. Three sorts of step:
 *   framed      the function keeps a frame record and fp points at it: two loads. All of rung's
 *               code, and most programs built as DESIGN section 2 asks
 *   by rule     anything else that CFI describes: prologues, leaves, libraries built without frame
 *               pointers (40 % of libc's functions put other things into fp), signal frames, PLTs;
 *               linkage stubs of which no CFI tells are known by their code (object.c)
 *   by record   no rule: fp is taken at its word, within bounds
 * The first two are in walk_fast, in registers, as long as the walk stays on one stack; walk_slow
 * does everything, one step at a time.
 *
 * Rules by pc are kept in a direct-mapped cache shared by all threads. An entry is one word, so
 * that it is whole or not there: {pc bits 12 to 47 | refresh | rule}. The slot is pc ^ pc >> 12:
 * together with the upper bits it gives back the lower, so a hit is never another pc's. An entry
 * from before a refresh (object.c) is a miss. (It would take 4095 refreshes that leave a slot
 * alone to be wrong.)
 *
 * Invariants: a load is of an aligned word inside a range that is not below the current one; sp
 * rises with each step, or stays where lr still holds the return address, or goes to another stack that a
 * register holds (the last instructions of rung_switch), which only an interrupted frame may do; at most
 * 128 steps. So a walk ends, whatever it is given.
 *
 * A frame whose CFA hangs on a register that the walk has not followed is stepped by record, as if
 * it had no rule: the walk then misses one caller and goes on. A return address 0 ends a walk:
 * root records are {0, 0}, and so is g0's link while it is cut, whatever CFI says of the CFA
 * there.
 */
#define _GNU_SOURCE
#include "machine/unwind.h"

#include <errno.h>
#include <pthread.h>

#include "base/atomic.h"
#include "machine/arch.h"
#include "machine/cfi.h"
#include "machine/object.h"
#include "machine/registers.h"

/* Stacks are read as words, whatever a sanitizer thinks lies there. */
#define reads_stacks __attribute__((no_sanitize("address", "thread", "undefined")))

enum { CACHE_SLOTS = 4096, WORD = sizeof(uintptr_t) };

/* atomic, relaxed: an entry is a word, and orders nothing */
static uint64_t cache[CACHE_SLOTS] __attribute__((aligned(CACHE_LINE)));

struct walk {
    uintptr_t pc, sp, fp, lr, base;
    bool is_exact;             /* pc is an interrupted instruction, and lr is what it was there */
    bool has_sp;               /* sp is exact; else only a lower bound */
    const ucontext_t *context; /* of the interrupted frame that the walk stands on, or NULL */
    const struct stack_range *ranges, *ranges_end;
    const struct stack_range *range; /* that which holds sp, or the first above it */
    uint32_t generation;
};

/* ---- rules by pc ---- */

static always_inline uint64_t cache_tag(uintptr_t pc, uint32_t generation)
{
    return pc >> 12 << 12 | (1 + generation % 4095);
}

static noinline unsigned rule_of_miss(uintptr_t pc, uint32_t generation, uint64_t *slot)
{
    unsigned rule = object_rule(pc, generation);
    if (pc >> 48 == 0)
        atomic_store_relaxed(slot, cache_tag(pc, generation) << 16 | rule);
    return rule;
}

static always_inline unsigned rule_of(uintptr_t pc, uint32_t generation)
{
    uint64_t *slot = &cache[(pc ^ pc >> 12) % CACHE_SLOTS];
    uint64_t entry = atomic_load_relaxed(slot);
    if (likely(entry >> 16 == cache_tag(pc, generation)))
        return (unsigned)(entry & 0xffff);
    return rule_of_miss(pc, generation, slot);
}

/* ---- one step, all cases ---- */

static always_inline uintptr_t plus(uintptr_t address, int32_t offset)
{
    return address + (uintptr_t)(intptr_t)offset;
}

/* Loads a stack word. false unless it is aligned and inside the current range or a later one. */
reads_stacks static bool load(const struct walk *walk, uintptr_t address, uintptr_t *value)
{
    if (address % WORD != 0)
        return false;
    for (const struct stack_range *range = walk->range; range < walk->ranges_end; range++) {
        if (address >= range->lo && address < range->hi && range->hi - address >= WORD) {
            *value = *(const uintptr_t *)address;
            return true;
        }
    }
    return false;
}

/* Moves the walk up to its caller. false if that is no progress. */
static bool arrive(struct walk *walk, uintptr_t pc, uintptr_t sp, uintptr_t fp, bool is_other_stack)
{
    bool is_leaf_of_arm = walk->is_exact && sp == walk->sp;
    if (is_other_stack)
        walk->range = walk->ranges;
    else if (sp <= walk->sp && !is_leaf_of_arm)
        return false;
    if (pc == 0 || sp % WORD != 0)
        return false;
    walk->pc = registers_strip(pc);
    walk->sp = sp;
    walk->fp = fp;
    walk->is_exact = false;
    walk->context = NULL;
    while (walk->range < walk->ranges_end && sp >= walk->range->hi)
        walk->range++;
    return true;
}

static bool step_by_record(struct walk *walk)
{
    uintptr_t fp, pc;
    if (walk->fp < walk->sp || !load(walk, walk->fp, &fp) || !load(walk, walk->fp + WORD, &pc))
        return false;
    if (!arrive(walk, pc, walk->fp + 2 * WORD, fp, false))
        return false;
    walk->base = 0;
    walk->has_sp = RECORD_STEP_GIVES_SP;
    return true;
}

/* Returns from a handler: the kernel has put the interrupted registers on the stack. */
static bool step_signal(struct walk *walk)
{
    uintptr_t word, context = walk->sp + SIGNAL_CONTEXT_OFFSET;
    if (!walk->has_sp || !load(walk, context, &word) ||
        !load(walk, context + REGISTERS_CONTEXT_BYTES - WORD, &word))
        return false;
    const ucontext_t *interrupted = (const ucontext_t *)context;
    if (!arrive(walk, MACHINE_CONTEXT_PC(interrupted), MACHINE_CONTEXT_SP(interrupted),
                MACHINE_CONTEXT_BP(interrupted), false))
        return false;
    walk->is_exact = true;
    walk->context = interrupted;
    walk->lr = REGISTERS_LR(interrupted);
    walk->base = REGISTERS_BASE(interrupted);
    return true;
}

static bool register_of(const struct walk *walk, int number, uintptr_t *value)
{
    return walk->context != NULL && registers_read(walk->context, number, value);
}

/* The caller's sp. false if what it hangs on isn't known. */
static bool cfa_of(const struct walk *walk, const struct cfi_rule *rule, uintptr_t *cfa)
{
    int32_t offset = rule->cfa_offset;
    uintptr_t value;
    bool is_known = walk->has_sp;
    switch (rule->cfa) {
    case CFA_SP: value = plus(walk->sp, offset); break;
    case CFA_FP: value = plus(walk->fp, offset); is_known = true; break;
    case CFA_BASE: value = plus(walk->base, offset); is_known = walk->base != 0; break;
    case CFA_REGISTER: is_known = register_of(walk, rule->cfa_register, &value); break;
    case CFA_SP_DEREF: is_known = is_known && load(walk, plus(walk->sp, offset), &value); break;
    case CFA_FP_DEREF: is_known = load(walk, plus(walk->fp, offset), &value); break;
    case CFA_PLT: value = walk->sp + WORD + (walk->pc % 16 >= (uintptr_t)offset ? WORD : 0); break;
    default: return false;
    }
    if (is_known) {
        *cfa = plus(value, rule->cfa_addend + (rule->cfa == CFA_REGISTER ? offset : 0));
        return true;
    }
    /*
     * sp is not known, but the record is where fp points, and the rule says how far below the CFA.
     */
    *cfa = plus(walk->fp, -rule->fp_offset);
    return !walk->has_sp && !walk->is_exact && rule->cfa == CFA_SP && rule->is_record;
}

static bool saved_of(const struct walk *walk, enum cfi_saved how, int32_t offset, uintptr_t cfa,
                     uintptr_t same, uintptr_t *value)
{
    *value = same;
    switch (how) {
    case SAVED_SAME: return true;
    case SAVED_AT_CFA: return load(walk, plus(cfa, offset), value);
    case SAVED_AT_SP: return load(walk, plus(walk->sp, offset), value);
    case SAVED_AT_FP: return load(walk, plus(walk->fp, offset), value);
    case SAVED_IN_REGISTER: return register_of(walk, offset, value);
    default: *value = 0; return true;
    }
}

static bool step_by_rule(struct walk *walk, const struct cfi_rule *rule)
{
    uintptr_t cfa, pc, fp, base;
    if (!cfa_of(walk, rule, &cfa))
        return step_by_record(walk);
    if (rule->ra == SAVED_SAME && !walk->is_exact)
        return false; /* arm64: lr has long been another's */
    if (!saved_of(walk, rule->ra, rule->ra_offset, cfa, walk->lr, &pc) ||
        !saved_of(walk, rule->fp, rule->fp_offset, cfa, walk->fp, &fp))
        return false;
    if (!saved_of(walk, rule->base, rule->base_offset, cfa, walk->base, &base))
        base = 0;
    if (!arrive(walk, pc, cfa, fp, walk->is_exact && rule->cfa == CFA_REGISTER))
        return false;
    walk->base = base;
    walk->has_sp = true;
    return true;
}

static bool walk_slow(struct walk *walk)
{
    if (walk->is_exact && walk->pc < PAGE) /* a call through NULL: nothing has run yet */
        return step_by_rule(walk, cfi_rule(CFI_ENTRY));
    unsigned rule = rule_of(walk->pc - !walk->is_exact, walk->generation);
    switch (rule) {
    case CFI_NONE: return step_by_record(walk);
    case CFI_END: return false;
    case CFI_SIGNAL: return step_signal(walk);
    default: return step_by_rule(walk, cfi_rule(rule));
    }
}

/* ---- many steps, the usual cases ---- */

/*
 * Steps as long as rules are framed or plain and all stays on the current range; gives back the
 * number of pcs. What ends it, walk_slow finds again. sp lies on the range, which is at least two
 * words (walk_to_root).
 */
reads_stacks static size_t walk_fast(struct walk *walk, uintptr_t *pcs, size_t count,
                                     size_t capacity)
{
    uintptr_t pc = walk->pc - !walk->is_exact, sp = walk->sp, fp = walk->fp, base = walk->base;
    uintptr_t lo = walk->range->lo, last = walk->range->hi - 2 * WORD;
    uint32_t generation = walk->generation;
    size_t begin = count;
    while (count < capacity) {
        uintptr_t caller;
        unsigned number = rule_of(pc, generation);
        if (likely(number == CFI_FRAMED)) {
            if (unlikely(fp < sp || fp > last || fp % WORD != 0))
                break;
            const struct frame_record *record = (const struct frame_record *)fp;
            caller = registers_strip(record->pc);
            if (caller == 0)
                break;
            sp = fp + 2 * WORD;
            fp = record->bp;
            base = 0;
        } else {
            const struct cfi_rule *rule = cfi_rule(number);
            uintptr_t cfa = plus(rule->cfa == CFA_FP ? fp : sp, rule->cfa_offset);
            uintptr_t ra_at = plus(cfa, rule->ra_offset);
            uintptr_t fp_at = rule->fp == SAVED_SAME ? lo : plus(cfa, rule->fp_offset);
            uintptr_t base_at = rule->base == SAVED_SAME ? lo : plus(cfa, rule->base_offset);
            if (unlikely(!rule->is_plain || cfa <= sp || (ra_at | fp_at | base_at) % WORD != 0 ||
                         ra_at - lo > last - lo || fp_at - lo > last - lo ||
                         base_at - lo > last - lo))
                break;
            caller = registers_strip(*(const uintptr_t *)ra_at);
            if (caller == 0)
                break;
            fp = rule->fp == SAVED_SAME ? fp : *(const uintptr_t *)fp_at;
            base = rule->base == SAVED_SAME ? base : *(const uintptr_t *)base_at;
            sp = cfa;
        }
        pcs[count++] = caller;
        pc = caller - 1;
    }
    if (count == begin)
        return count;
    walk->pc = pc + 1;
    walk->sp = sp;
    walk->fp = fp;
    walk->base = base;
    walk->is_exact = false;
    walk->context = NULL;
    return count;
}

/* ---- whole walks ---- */

static void walk_begin(struct walk *walk, const struct unwind_start *start,
                       const struct stack_range *ranges, size_t range_count)
{
    *walk = (struct walk){ .pc = start->pc, .sp = start->sp, .fp = start->fp, .lr = start->lr,
                           .base = start->base, .is_exact = start->is_exact_pc,
                           .has_sp = start->sp != 0, .context = start->context,
                           .ranges = ranges, .ranges_end = ranges + range_count, .range = ranges,
                           .generation = object_generation() };
    while (walk->range < walk->ranges_end && walk->sp >= walk->range->hi)
        walk->range++;
}

static size_t walk_to_root(struct walk *walk, uintptr_t *pcs, size_t count, size_t capacity)
{
    while (count < capacity && walk->range < walk->ranges_end) {
        const struct stack_range *range = walk->range;
        bool is_usual = walk->has_sp && walk->pc >= PAGE && walk->sp >= range->lo &&
                        range->lo % WORD == 0 && range->hi - range->lo >= 2 * WORD;
        if (is_usual)
            count = walk_fast(walk, pcs, count, capacity);
        if (count == capacity || !walk_slow(walk))
            break;
        pcs[count++] = walk->pc + walk->is_exact;
    }
    return count;
}

size_t unwind(const struct unwind_start *start, const struct stack_range *ranges,
              size_t range_count, uintptr_t *pcs, size_t capacity)
{
    struct walk walk;
    if (capacity == 0)
        return 0;
    walk_begin(&walk, start, ranges, range_count);
    pcs[0] = start->pc;
    return walk_to_root(&walk, pcs, 1, capacity < UNWIND_DEPTH_MAX ? capacity : UNWIND_DEPTH_MAX);
}

size_t unwind_from_context(const void *ucontext, const struct stack_range *ranges,
                           size_t range_count, uintptr_t *pcs, size_t capacity)
{
    const ucontext_t *context = ucontext;
    struct unwind_start start = { .pc = MACHINE_CONTEXT_PC(context),
                                  .sp = MACHINE_CONTEXT_SP(context),
                                  .fp = MACHINE_CONTEXT_BP(context),
                                  .lr = REGISTERS_LR(context),
                                  .base = REGISTERS_BASE(context),
                                  .is_exact_pc = true,
                                  .context = context };
    return unwind(&start, ranges, range_count, pcs, capacity);
}

noinline size_t unwind_here(const struct stack_range *ranges, size_t range_count, uintptr_t *pcs,
                            size_t capacity)
{
    struct registers here;
    bool is_caller = registers_capture(&here);
    struct unwind_start start = { .pc = here.pc, .sp = here.sp, .fp = here.fp, .lr = here.lr,
                                  .base = here.base, .is_exact_pc = !is_caller };
    struct walk walk;
    walk_begin(&walk, &start, ranges, range_count);
    if (capacity == 0 || range_count == 0 || (!is_caller && !walk_slow(&walk)))
        return 0;
    pcs[0] = walk.pc;
    return walk_to_root(&walk, pcs, 1, capacity < UNWIND_DEPTH_MAX ? capacity : UNWIND_DEPTH_MAX);
}

int unwind_thread_range(struct stack_range *range)
{
    pthread_attr_t attributes;
    void *start = NULL;
    size_t bytes = 0;
    int saved = errno;
    int error = pthread_getattr_np(pthread_self(), &attributes);
    if (error == 0) {
        error = pthread_attr_getstack(&attributes, &start, &bytes);
        pthread_attr_destroy(&attributes);
    }
    if (error == 0)
        *range = (struct stack_range){ round_up((uintptr_t)start, (uintptr_t)WORD),
                                       ((uintptr_t)start + bytes) / WORD * WORD };
    errno = saved;
    return -error;
}
