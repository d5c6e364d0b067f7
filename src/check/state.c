/* SPDX-License-Identifier: MIT */
#include "check/state.h"

#include <string.h>

enum { UNTOUCHED_MOST = 1 << 20 };

void state_enter(struct state *state, const struct cpu *cpu)
{
    memset(state, 0, sizeof *state);
    state->registers[cpu->sp] = value_of(CFA, -cpu->entry_offset);
    state->registers[cpu->fp] = CALLER_FP;
    state->known = register_bit(cpu->sp) | register_bit(cpu->fp) | register_bit(cpu->link);
    if (cpu->link == NO_REGISTER)
        state_store(state, value_of(CFA, -8), RETURN_ADDRESS, 8);
    else
        state->registers[cpu->link] = RETURN_ADDRESS;
    state->is_valid = true;
}

/* ---- the frame's places ---- */

value state_slot(const struct state *state, value where)
{
    for (uint32_t i = 0; i < state->slot_count; i++)
        if (state->slots[i].where == where)
            return state->slots[i].what;
    return OTHER;
}

/* A slot has 8 bytes. */
static bool overlaps(value slot, value where, int32_t size)
{
    int32_t distance = offset_of(slot) - offset_of(where);
    return kind_of(slot) == kind_of(where) && distance > -8 && distance < size;
}

void state_store(struct state *state, value where, value what, int32_t size)
{
    if (!has_place(where))
        return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < state->slot_count; i++)
        if (!overlaps(state->slots[i].where, where, size))
            state->slots[kept++] = state->slots[i];
    state->changes += kept != state->slot_count;
    state->slot_count = kept;
    if (what == OTHER || what == LOADED || kind_of(what) == NUMBER || size != 8)
        return;
    if (kept == SLOTS) { /* an older one goes, but not what the chain is made of */
        uint32_t victim = 0;
        while (victim < SLOTS && (state->slots[victim].what == CALLER_FP || state->slots[victim].what == RETURN_ADDRESS))
            victim++;
        if (victim == SLOTS)
            return;
        memmove(&state->slots[victim], &state->slots[victim + 1], (SLOTS - 1 - victim) * sizeof state->slots[0]);
        state->slot_count--;
    }
    state->slots[state->slot_count++] = (struct slot){ where, what };
    state->changes++;
}

/* ---- arithmetic ---- */

static value add(value v, int64_t amount)
{
    switch (kind_of(v)) {
    case CFA: case REALIGNED: case MOVED: case NUMBER:
        return value_of(kind_of(v), offset_of(v) + amount);
    case FRAME: case THREAD_LOCAL: case STALE:
        return v;
    default:
        return amount == 0 ? v : OTHER;
    }
}

static value add_register(value v, value amount, bool is_negative)
{
    if (kind_of(amount) == NUMBER)
        return add(v, is_negative ? -(int64_t)offset_of(amount) : offset_of(amount));
    if (is_of_frame(v) && !is_of_frame(amount))
        return FRAME;
    if (kind_of(v) == THREAD_LOCAL || kind_of(v) == STALE)
        return v;
    if (!is_negative && (is_of_frame(amount) || kind_of(amount) == THREAD_LOCAL || kind_of(amount) == STALE))
        return is_of_frame(amount) ? FRAME : amount;
    return OTHER;
}

static value align(value v, int64_t mask)
{
    if (mask >= 0)
        return OTHER;
    return is_of_frame(v) ? FRAME : OTHER;
}

/* ---- registers and memory ---- */

static value get(const struct state *state, uint8_t number)
{
    return number < REGISTERS ? state->registers[number] : OTHER;
}

/*
 * The stack pointer goes to an unknown place of the frame, which becomes the base of new places. Those relative to
 * the second such base before are lost.
 */
static value moved_unknown(struct state *state)
{
    bool has_first = false;
    for (unsigned i = 0; i < REGISTERS; i++) {
        has_first |= kind_of(state->registers[i]) == REALIGNED;
        if (kind_of(state->registers[i]) == MOVED)
            state->registers[i] = FRAME;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < state->slot_count; i++) {
        struct slot slot = state->slots[i];
        has_first |= kind_of(slot.where) == REALIGNED || kind_of(slot.what) == REALIGNED;
        if (kind_of(slot.what) == MOVED)
            slot.what = FRAME;
        if (kind_of(slot.where) != MOVED)
            state->slots[kept++] = slot;
    }
    state->slot_count = kept;
    return value_of(has_first ? MOVED : REALIGNED, 0);
}

void state_set(struct state *state, const struct cpu *cpu, uint8_t number, value v)
{
    if (number >= REGISTERS)
        return;
    if (number == cpu->sp) {
        value old = state->registers[number];
        state->changes += old != v;
        if (has_place(v) && kind_of(v) == kind_of(old)) {
            int32_t down = offset_of(old) - offset_of(v);
            state->untouched = down < 0 ? 0 : state->untouched > UNTOUCHED_MOST ? state->untouched : state->untouched + down;
        } else {
            state->untouched = 0;
        }
        if ((v == FRAME || v == LOADED) && old != FRAME)
            v = moved_unknown(state);
    }
    value old = state->registers[number];
    state->changes += old != v && (number == cpu->fp || number == cpu->link || has_place(old) || has_place(v));
    state->registers[number] = v;
    state->known = (state->known & ~(1u << number)) | (uint32_t)(v != OTHER) << number;
}

static value memory_at(const struct state *state, value base, int64_t displacement, uint8_t flags)
{
    if (flags & (HAS_INDEX | IS_NARROW))
        return OTHER;
    return has_place(base) ? state_slot(state, add(base, displacement)) : OTHER;
}

static void step_load(struct state *state, const struct cpu *cpu, const struct form *form, int64_t operand)
{
    value base = add(get(state, form->base), form->before);
    value first = memory_at(state, base, operand, form->flags);
    value second = memory_at(state, base, operand + 8, form->flags);
    if (cpu->link != NO_REGISTER && first == OTHER && is_of_frame(base) && form->to != cpu->fp && form->to != cpu->link)
        first = LOADED;
    if (form->before != 0 || form->after != 0)
        state_set(state, cpu, form->base, add(base, form->after));
    state_set(state, cpu, form->to, first);
    state_set(state, cpu, form->second, second);
    /* From a place of the frame that is not known: it may be the caller's, and mostly is. */
    if (is_of_frame(base) && state->registers[cpu->fp] == OTHER &&
        (form->to == cpu->fp || form->second == cpu->fp) && (!has_place(base) || kind_of(base) != CFA))
        state_set(state, cpu, cpu->fp, MIXED);
}

static void step_store(struct state *state, const struct cpu *cpu, const struct form *form, int64_t operand)
{
    value base = add(get(state, form->base), form->before), what = get(state, form->from);
    value second = get(state, form->second);
    if (form->before != 0)
        state_set(state, cpu, form->base, base);
    if (is_of_frame(base))
        state->untouched = 0;
    if (!(form->flags & HAS_INDEX)) {
        value where = add(base, operand);
        state_store(state, where, form->flags & IS_NARROW ? OTHER : what, form->size);
        if (form->second != NO_REGISTER)
            state_store(state, add(where, 8), second, 8);
    }
    if (form->after != 0)
        state_set(state, cpu, form->base, add(base, form->after));
}

static void push(struct state *state, const struct cpu *cpu, value what)
{
    value sp = add(state->registers[cpu->sp], -8);
    state_set(state, cpu, cpu->sp, sp);
    state->untouched = 0;
    state_store(state, sp, what, 8);
}

static void step_frame(struct state *state, const struct cpu *cpu, const struct form *form, int64_t operand)
{
    value *registers = state->registers;
    if (form->operation == LEAVE) {
        value fp = registers[cpu->fp];
        state_set(state, cpu, cpu->sp, add(is_of_frame(fp) ? fp : OTHER, 8));
        state_set(state, cpu, cpu->fp, has_place(fp) ? state_slot(state, fp) : OTHER);
        return;
    }
    push(state, cpu, registers[cpu->fp]);
    state_set(state, cpu, cpu->fp, registers[cpu->sp]);
    state_set(state, cpu, cpu->sp, add(registers[cpu->sp], -(operand & 0xffff)));
}

static void step_call(struct state *state, const struct cpu *cpu)
{
    for (uint32_t mask = cpu->caller_saved & state->known; mask != 0; mask &= mask - 1)
        state->registers[__builtin_ctz(mask)] = OTHER;
    state->known &= ~cpu->caller_saved;
    state->untouched = 0;
}

static bool is_end(const struct cpu *cpu, int64_t number)
{
    return number == cpu->kernel_ends[0] || number == cpu->kernel_ends[1] || number == cpu->kernel_ends[2];
}

/* Constants are the sizes of large frames, a root's frame pointer, and the numbers of some system calls. */
static bool is_worth_knowing(const struct cpu *cpu, uint8_t to, int64_t number)
{
    if (to == cpu->kernel_number && is_end(cpu, number))
        return true;
    if (cpu->link != NO_REGISTER)
        return to == cpu->fp || (to >= 9 && to <= 17) || to == 27; /* of halves, in a scratch register; Go's is x27 */
    return to == cpu->fp || number >= PAGE || number <= -PAGE;
}

void state_step(struct state *state, const struct cpu *cpu, const struct form *form, int64_t operand)
{
    value from = get(state, form->from), result = OTHER;
    if (form->flags & TOUCHES_STACK)
        state->untouched = 0;
    for (uint32_t mask = form->writes & state->known; mask != 0; mask &= mask - 1)
        state_set(state, cpu, __builtin_ctz(mask), OTHER);
    switch (form->operation) {
    case MOVE: result = from; break;
    case EXCHANGE:
        result = from;
        state_set(state, cpu, form->from, get(state, form->to));
        break;
    case CONSTANT: result = is_worth_knowing(cpu, form->to, operand) ? value_of(NUMBER, operand) : OTHER; break;
    case INSERT:
        result = get(state, form->to);
        if (kind_of(result) == NUMBER)
            result = value_of(NUMBER, (int64_t)(((uint64_t)offset_of(result) & ~(0xffffull << form->shift)) |
                                                (uint64_t)operand << form->shift));
        else
            result = OTHER;
        break;
    case ADD: result = add(from, operand); break;
    case ADD_REGISTER:
        result = add_register(from, get(state, form->second), false);
        if (form->flags & HAS_INDEX) /* and a displacement, and scaled */
            result = is_of_frame(result) ? FRAME : OTHER;
        break;
    case SUBTRACT_REGISTER: result = add_register(from, get(state, form->second), true); break;
    case ALIGN: result = align(from, operand); break;
    case ADDRESS: break;
    case THREAD_BASE: result = operand == 0 ? THREAD_LOCAL : OTHER; break;
    case LOAD: step_load(state, cpu, form, operand); return;
    case STORE: step_store(state, cpu, form, operand); return;
    case PUSH_MEMORY: push(state, cpu, memory_at(state, get(state, form->base), operand, form->flags)); return;
    case LEAVE: case ENTER: step_frame(state, cpu, form, operand); return;
    case CALL: case CALL_INDIRECT: step_call(state, cpu); return;
    default: return;
    }
    state_set(state, cpu, form->to, result);
}

bool state_ends(const struct state *state, const struct cpu *cpu)
{
    value number = state->registers[cpu->kernel_number];
    return kind_of(number) == NUMBER && is_end(cpu, offset_of(number));
}

/* ---- meeting ---- */

static value join_fp(value a, value b)
{
    bool is_good = a == CALLER_FP || has_place(a) || is_either(a);
    bool is_good_too = b == CALLER_FP || has_place(b) || is_either(b);
    if (!is_good && !is_good_too)
        return OTHER;
    return is_good && is_good_too && a != SPOILED && b != SPOILED ? MIXED : SPOILED;
}

static value join(value a, value b, bool is_fp)
{
    if (a == b)
        return a;
    if (is_fp)
        return join_fp(a, b);
    if (is_of_frame(a) && is_of_frame(b))
        return FRAME;
    bool is_stale = kind_of(a) == STALE || kind_of(b) == STALE;
    if ((kind_of(a) == THREAD_LOCAL || kind_of(a) == STALE) && (kind_of(b) == THREAD_LOCAL || kind_of(b) == STALE))
        return is_stale ? STALE : THREAD_LOCAL;
    return OTHER;
}

bool state_join(struct state *state, const struct state *other, const struct cpu *cpu, bool *is_torn)
{
    bool is_changed = false;
    value sp = state->registers[cpu->sp], other_sp = other->registers[cpu->sp];
    *is_torn = sp != other_sp && has_place(sp) && has_place(other_sp);
    if (memcmp(state->registers, other->registers, cpu->registers * sizeof(value)) != 0) {
        state->known |= other->known;
        for (unsigned i = 0; i < cpu->registers; i++) {
            value v = join(state->registers[i], other->registers[i], i == cpu->fp);
            is_changed |= v != state->registers[i];
            state->registers[i] = v;
        }
    }
    uint32_t kept = 0;
    bool is_same = state->slot_count == other->slot_count &&
                   memcmp(state->slots, other->slots, state->slot_count * sizeof state->slots[0]) == 0;
    if (is_same)
        kept = state->slot_count;
    for (uint32_t i = 0; !is_same && i < state->slot_count; i++) {
        struct slot slot = state->slots[i];
        value there = state_slot(other, slot.where);
        if (there == slot.what || (slot.what != CALLER_FP && slot.what != RETURN_ADDRESS &&
                                   join(slot.what, there, false) != OTHER)) {
            slot.what = join(slot.what, there, false);
            is_changed |= slot.what != state->slots[i].what;
            state->slots[kept++] = slot;
        }
    }
    is_changed |= kept != state->slot_count;
    state->slot_count = kept;
    if (other->untouched > state->untouched && state->untouched < UNTOUCHED_MOST) { /* bounded, so that loops settle */
        state->untouched = other->untouched;
        is_changed = true;
    }
    return is_changed;
}

/* ---- the chain ---- */

enum chain state_chain(const struct state *state, const struct cpu *cpu)
{
    value fp = state->registers[cpu->fp];
    switch (kind_of(fp)) {
    case CALLER_FP:
        return CHAIN_CALLER;
    case CFA: case REALIGNED: case MOVED:
        return state_slot(state, fp) == CALLER_FP && state_slot(state, add(fp, 8)) == RETURN_ADDRESS ? CHAIN_WHOLE
                                                                                                 : CHAIN_BROKEN;
    case MIXED:
        return CHAIN_MAYBE;
    case SPOILED:
        return CHAIN_SPOILED;
    case NUMBER:
        return offset_of(fp) == 0 ? CHAIN_ROOT : CHAIN_BROKEN;
    default:
        return CHAIN_BROKEN;
    }
}
