/* SPDX-License-Identifier: MIT */
/*
 * state.h: what is known before an instruction of where the stack pointer, the frame pointer and the saved caller's
 * frame pointer are; how an instruction changes it; how two ways to one place meet.
 *
 * A *value* is a kind and an offset, in one word. Only what is derived from the stack pointer, the caller's frame
 * pointer, the return address, constants and thread-local addresses has a kind of its own. Slots are the places in
 * the frame that hold such values. Two states meet in what both know.
 */
#ifndef RUNG_CHECK_STATE_H
#define RUNG_CHECK_STATE_H

#include "check/decode.h"

typedef int32_t value;

enum kind {
    OTHER = 0,      /* anything */
    CALLER_FP,      /* the frame pointer as it was at the function's entry */
    RETURN_ADDRESS,
    CFA,            /* the stack pointer before the call, plus the offset */
    REALIGNED,      /* the same of the stack pointer as it was once it had moved by an amount that is not known */
    MOVED,          /* the same, as it was once it had done so again */
    FRAME,          /* somewhere in the frame */
    NUMBER,         /* a constant: the offset */
    CODE,           /* the address of an instruction of this function: the offset */
    THREAD_LOCAL,   /* the address of a thread-local */
    STALE,          /* the same, and a call has been made since that may go on in another thread */
    LOADED,         /* arm64: what a place of the frame held that is not known; sp is restored from such
                       by way of a register */
    MIXED,          /* a frame pointer by each way that was taken, but not the same; or it may be none */
    SPOILED,        /* a frame pointer by one way, and none by another */
};

static inline enum kind kind_of(value v)
{
    return v & 15;
}

static inline int32_t offset_of(value v)
{
    return v >> 4;
}

/* Offsets out of range lose the place, not the kind. */
static inline value value_of(enum kind kind, int64_t offset)
{
    if (unlikely(offset != (int32_t)((uint32_t)offset << 4) >> 4))
        return kind >= CFA && kind <= MOVED ? FRAME : OTHER;
    return (int32_t)((uint32_t)offset << 4 | kind);
}

static inline bool has_place(value v)
{
    return kind_of(v) >= CFA && kind_of(v) <= MOVED;
}

static inline bool is_of_frame(value v)
{
    return has_place(v) || kind_of(v) == FRAME;
}

/* Values that may be the caller's frame pointer, by the way that was taken. */
static inline bool is_either(value v)
{
    return kind_of(v) == MIXED || kind_of(v) == SPOILED;
}

/* Where the chain stands at an instruction, for a walker that begins at it, or finds it as a return address. */
enum chain {
    CHAIN_NONE = 0,     /* not reached */
    CHAIN_CALLER,       /* the frame pointer is the caller's: the walk misses one frame */
    CHAIN_WHOLE,        /* it points at a true record */
    CHAIN_ROOT,         /* it is 0, in a function that nothing called */
    CHAIN_MAYBE,        /* one of these, by the way that was taken; or not known */
    CHAIN_SPOILED,      /* one of these by one way, none of them by another */
    CHAIN_BROKEN,       /* it is none of these */
};

enum { SLOTS = 8 };

struct slot {
    value where, what;
};

struct state {
    value registers[REGISTERS];
    uint32_t known;         /* the registers that are not OTHER, as a mask; or more than those */
    uint32_t slot_count;
    struct slot slots[SLOTS];
    uint32_t changes;       /* counts those that the chain or CFI may depend on */
    int32_t untouched;      /* bytes that sp has gone down since the stack was last touched */
    bool is_valid;
};

/* At a function's first instruction. */
void state_enter(struct state *state, const struct cpu *cpu);
/* True if the instruction, no call or jump, changes nothing of what is known. Most do not. */
static inline bool state_ignores(const struct state *state, const struct form *form)
{
    uint32_t known = state->known;
    if ((form->writes & known) || (form->flags & TOUCHES_STACK))
        return false;
    switch (form->operation) {
    case PLAIN:
        return true;
    case MOVE: case ADD: case ALIGN:
        return !(known & (register_bit(form->from) | register_bit(form->to)));
    case LOAD: case STORE:
        return form->before == 0 && form->after == 0 && !(known & register_bit(form->base)) &&
               !(form->operation == LOAD && (known & (register_bit(form->to) | register_bit(form->second))));
    default:
        return false;
    }
}

/* After the instruction; calls as they return. `value` is form_value's. */
void state_step(struct state *state, const struct cpu *cpu, const struct form *form, int64_t operand);
/* True if a call of the kernel made now does not return. */
bool state_ends(const struct state *state, const struct cpu *cpu);
/* Widens `state` to hold for `other` too; true if that changed it. is_torn is set where the stack pointers differ. */
bool state_join(struct state *state, const struct state *other, const struct cpu *cpu, bool *is_torn);
void state_set(struct state *state, const struct cpu *cpu, uint8_t number, value v);
enum chain state_chain(const struct state *state, const struct cpu *cpu);
/* What the place in the frame holds; OTHER if that is not known. */
value state_slot(const struct state *state, value where);
void state_store(struct state *state, value where, value what, int32_t size);

#endif
