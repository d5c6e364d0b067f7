/* SPDX-License-Identifier: MIT */
/*
 * flow.h: follows every way through one function, and says at each instruction where its frame and chain stand.
 *
 * 1. Sweep: decode the function from its start to its end, and from each target of a jump that falls between.
 * 2. Pass: walk the instructions in order with a running state. A jump leaves its state at the target; where ways
 *    meet, states are joined. Passes are repeated until a whole one changes nothing. Most functions need one.
 * 3. Seeds: what no way reaches (cases of a jump table, what follows a call that was wrongly thought
 *    to return) starts with the state of a place that has the same CFI row: that of an indirect jump, else of the
 *    calls; with what CFI alone says, if there is none. Then passes again.
 * 4. The last pass judges: the chain at each instruction, CFI against the state, and the other rules.
 *
 * A call is taken to return, unless its callee is known not to, or CFI, which agreed before it, disagrees after it.
 * Calls that are followed by padding, or by what others jump to, are noted: check.c runs the function again if the
 * callee turns out to have no return.
 */
#ifndef RUNG_CHECK_FLOW_H
#define RUNG_CHECK_FLOW_H

#include "check/calls.h"
#include "check/state.h"
#include "elf/cfi.h"
#include "elf/landing.h"

enum finding_kind {
    FINDING_CLOBBER = 1,     /* the frame pointer holds something else */
    FINDING_RECORD,          /* it points into the frame, but not at a true record */
    FINDING_NOT_RESTORED,    /* returns, or jumps on to another function, with another frame pointer */
    FINDING_CFI,             /* CFI and code disagree */
    FINDING_TORN,            /* two ways meet with different stack pointers, and CFI does not say why */
    FINDING_RETURN,          /* returns with the stack pointer not as at entry */
    FINDING_SIBLING,         /* jumps on to another function with the stack pointer not as at entry */
    FINDING_FALLS_THROUGH,   /* runs on into what follows the function */
    FINDING_NO_CODE,         /* runs into what is no instruction, or jumps to where there is no code */
    FINDING_LARGE_FRAME,     /* moves the stack pointer further than the guard without touching the stack */
    FINDING_STACK_SWITCH,    /* loads the stack pointer from elsewhere */
    FINDING_THREAD_LOCAL,    /* uses the address of a thread-local over a call that may park */
    FINDING_UNTYPED,         /* calls what is not marked as a function */
    FINDING_KINDS,
};

struct finding {
    uint8_t kind;
    uint32_t offset;         /* of the instruction, in the function */
    uint32_t other;          /* THREAD_LOCAL: of the call; CLOBBER: of the first call made so, or UINT32_MAX */
    int32_t said, is;        /* CFI: the offsets; others: the size */
    uint8_t column;          /* CFI: which of its columns: 0 the CFA, 1 the frame pointer, 2 the return address */
    uint8_t said_register;   /* CFI: of the CFA rule */
    bool is_target;          /* NO_CODE: it is jumped or called to */
};

struct step { /* an instruction */
    struct form form;
    int64_t value;
    uint32_t offset;
    uint32_t state;          /* number of the state kept for it, where ways meet; 0: none */
    uint32_t row;            /* CFI's */
    uint8_t chain;           /* enum chain */
    bool is_seeded;          /* the state at it was guessed */
};

enum { FINDINGS_MOST = 24, UNKNOWN_OFFSET = UINT32_MAX };

struct figures { /* of one function */
    uint32_t instructions, unreached_bytes;
    uint32_t calls, calls_whole, calls_caller, calls_broken;
    uint32_t chains[CHAIN_BROKEN + 1];   /* instructions by where the chain stands */
    uint32_t broken_at, spoiled_at, broken_call, caller_call; /* offsets of the first such, or UNKNOWN_OFFSET */
    uint32_t seeds;
    bool is_unsettled, is_undecoded, uses_thread_local;
    bool returns;            /* or jumps on elsewhere */
};

struct pairs { /* of addresses, callee and caller */
    struct pair {
        uint64_t callee, caller;
    } *items;
    size_t count, room;
};

struct incoming { /* a jump into a part */
    uint64_t target;
    struct state state;
};

struct flow {
    const struct elf_file *file;
    const struct cpu *cpu;
    const struct calls *calls;
    struct decoder *decoder;
    const struct elf_function *function;
    const uint8_t *bytes;
    uint32_t size;

    struct step *steps;
    struct cfi_row *rows;
    uint32_t *row_twins;     /* for each row the first one that equals it */
    struct state *states;    /* number 0 is not used */
    struct state *row_states; /* for each row: of the calls made in it */
    struct elf_landings landings; /* of the function's calls */
    uint32_t *at;            /* for each byte, the number of the step that begins there, plus 1; or 0 */
    uint8_t *marks;          /* for each byte: a way leads here */
    uint32_t step_count, row_count, state_count;
    size_t step_room, row_room, twin_room, row_state_room, state_room, at_room, mark_room;
    struct state jump_states[4]; /* of indirect jumps */
    uint32_t jump_rows[4], jump_count;

    struct finding findings[FINDINGS_MOST];
    uint32_t finding_count;
    struct figures figures;

    struct incoming *incoming; /* collected over all functions */
    size_t incoming_count, incoming_room;
    struct pairs edges;      /* calls: collected if wants_edges */
    struct pairs doubts;     /* calls after which the code looks as if they did not return */
    bool wants_edges, has_no_memory;
    /* Told each step of the last pass with the state before it; NULL: nobody. */
    void (*tell)(struct flow *flow, const struct step *step, const struct state *state, void *argument);
    void *tell_argument;
};

/* False if there is no memory. */
bool flow_open(struct flow *flow, const struct elf_file *file, const struct cpu *cpu, const struct calls *calls);
void flow_close(struct flow *flow);
/* Follows the function; `entries` are the jumps into it, if it is a part. Results stay until the next. -ENOMEM or 0. */
int flow_run(struct flow *flow, const struct elf_function *function, const struct incoming *entries, size_t entry_count);

/* One more pass over what flow_run has settled, for flow->tell. */
void flow_judge(struct flow *flow);
/* Where a jump to another function comes back to, if it is a call in disguise; else UNKNOWN_OFFSET. */
uint32_t flow_returns_to(const struct flow *flow, const struct step *step, const struct state *state);

/* judge.c: looks at one instruction in the last pass. */
void judge_step(struct flow *flow, struct step *step, const struct state *before, const struct state *after);
/* Whether the row and the state may both be true. If not and `finding` is there, says what is wrong. */
bool judge_row(const struct flow *flow, const struct cfi_row *row, const struct state *state, struct finding *finding);
/* After it: says where the chain is broken by one way and not by another, unless it is broken elsewhere by all. */
void judge_spoiled(struct flow *flow);
void judge_add(struct flow *flow, struct finding finding);

#endif
