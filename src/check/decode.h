/* SPDX-License-Identifier: MIT */
/*
 * decode.h: machine code as the few operations that move the stack, the frame pointer and what is derived of them.
 *
 * Capstone decodes; what it says of an instruction is boiled down to a *form*, which is kept. An x86 instruction is
 * prefixes, opcode, addressing bytes, and then a displacement and an immediate; no encoding is the beginning of
 * another. So forms lie in a trie by the bytes before the displacement, and Capstone is asked once for each of
 * the 10,000 or so that a large library has, not for each of its million instructions (5 ns instead of 280).
 * arm64's forms are kept by the whole word.
 *
 * Rejected: Capstone for each instruction (libcrypto: 200 ms); a decoder of our own (years of encodings).
 */
#ifndef RUNG_CHECK_DECODE_H
#define RUNG_CHECK_DECODE_H

#include <assert.h>

#include "check/cpu.h"

enum operation {
    BAD = 0,        /* no instruction */
    PLAIN,          /* writes the registers in `writes`, and that is all of interest */
    MOVE,           /* to = from */
    EXCHANGE,       /* to and from change places */
    CONSTANT,       /* to = value */
    ADDRESS,        /* to = the address `value` */
    INSERT,         /* to = to with 16 bits at `shift` replaced (movk) */
    ADD,            /* to = from + value */
    ADD_REGISTER,   /* to = from + second */
    SUBTRACT_REGISTER,
    ALIGN,          /* to = from & value: rounded down, if value is negative */
    LOAD,           /* base += before; to, second = [base + value]; base += after */
    STORE,          /* base += before; [base + value] = from, second; base += after */
    PUSH_MEMORY,    /* push [base + value] */
    LEAVE,          /* sp = fp; pop fp */
    ENTER,          /* push fp; fp = sp; sp -= value */
    CALL,           /* of the address `value` */
    CALL_INDIRECT,
    JUMP,           /* to the address `value` */
    BRANCH,         /* the same, or on */
    JUMP_INDIRECT,  /* by register or memory */
    RETURN,
    STOP,           /* hlt, ud2, brk: nothing runs on from here */
    KERNEL,         /* a system call */
    THREAD_BASE,    /* to = the thread's own block, the address of thread-locals, if value is 0 */
};

enum form_flag {
    ADDRESSES_PC = 1,  /* the memory operand is relative to the next instruction */
    TOUCHES_STACK = 2, /* accesses memory by way of sp or fp */
    HAS_INDEX = 4,     /* the memory operand has an index register: its place is not known */
    IS_PADDING = 8,    /* nop, int3: fills gaps */
    IS_NARROW = 16,    /* what is moved is no whole general register */
    IS_NEGATIVE = 32,  /* value is to be subtracted */
    IS_TABLE_JUMP = 64,/* an indirect jump through an indexed table */
};

struct form {
    uint8_t operation;
    uint8_t length;
    uint8_t flags;
    uint8_t to, from, second, base;
    uint8_t value_at, value_size; /* where the bytes of `value` are; size 0: in value itself */
    uint8_t shift;                /* of INSERT */
    uint8_t size;                 /* bytes that each register of a STORE takes */
    uint8_t unused;
    int16_t before, after;
    int32_t value;
    uint32_t writes;              /* registers changed in a way not said above, as a mask */
};
static_assert(sizeof(struct form) == 24, "forms are compared as bytes: they have none of padding");

struct decoder; /* one for each thread */

/* NULL if there is no memory, or the library cannot. */
struct decoder *decoder_open(const struct cpu *cpu);
void decoder_close(struct decoder *decoder);

/*
 * The form of the instruction at bytes, of which `available` may be read; never NULL. What is no instruction has the
 * operation BAD, and a length.
 */
const struct form *decode(struct decoder *decoder, const uint8_t *bytes, size_t available);

/* The value of an instruction of that form: absolute for jumps, calls and operands relative to the pc. */
int64_t form_value(const struct form *form, const uint8_t *bytes, uint64_t address);

/* The instruction in words, for people. */
void decoder_print(struct decoder *decoder, const uint8_t *bytes, size_t available, uint64_t address, char *text,
                   size_t text_size);

/* How often Capstone was asked. */
uint64_t decoder_misses(const struct decoder *decoder);

/* The two CPUs' halves: an instruction as Capstone details it, as a form. In decode_x86.c and decode_arm64.c. */
struct cs_insn;
struct form form_of_x86(size_t handle, const struct cs_insn *instruction);
struct form form_of_arm64(size_t handle, const struct cs_insn *instruction, uint32_t word);
/* What Capstone does not know, or reads wrongly. False: nothing known either. */
bool x86_mend(const uint8_t *bytes, size_t available, struct form *form, unsigned *key_length);
bool x86_vector(const uint8_t *bytes, size_t available, struct form *form);
bool arm64_mend(uint32_t word, struct form *form);

#endif
