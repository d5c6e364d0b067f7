/* SPDX-License-Identifier: MIT */
#include "check/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/array.h"

enum { PASSES_MOST = 60, ROWS_ROOM = 64, TWINS_MOST = 4096 };

/* ---- memory, used again for each function ---- */

bool flow_open(struct flow *flow, const struct elf_file *file, const struct cpu *cpu, const struct calls *calls)
{
    memset(flow, 0, sizeof *flow);
    flow->file = file;
    flow->cpu = cpu;
    flow->calls = calls;
    flow->decoder = decoder_open(cpu);
    return flow->decoder != NULL;
}

void flow_close(struct flow *flow)
{
    decoder_close(flow->decoder);
    free(flow->steps);
    free(flow->rows);
    free(flow->row_twins);
    free(flow->states);
    free(flow->row_states);
    free(flow->at);
    free(flow->marks);
    free(flow->landings.items);
    free(flow->incoming);
    free(flow->edges.items);
    free(flow->doubts.items);
}

static bool reserve_bytes(struct flow *flow, uint32_t size)
{
    if (!array_reserve(&flow->at, &flow->at_room, size, sizeof *flow->at) ||
        !array_reserve(&flow->marks, &flow->mark_room, size, 1))
        return false;
    memset(flow->at, 0, size * sizeof *flow->at);
    memset(flow->marks, 0, size);
    return true;
}

static bool is_target(const struct flow *flow, uint64_t address)
{
    return address - flow->function->start < flow->size;
}

/* ---- rows and landing pads ---- */

static bool is_same_row(const struct cfi_row *a, const struct cfi_row *b)
{
    return memcmp((const char *)a + sizeof a->offset, (const char *)b + sizeof b->offset,
                  sizeof *a - sizeof a->offset) == 0;
}

static bool read_rows(struct flow *flow)
{
    const struct elf_function *function = flow->function;
    for (size_t room = flow->row_room ? flow->row_room : ROWS_ROOM;; room *= 2) {
        if (!array_reserve(&flow->rows, &flow->row_room, room, sizeof *flow->rows))
            return false;
        flow->row_count = cfi_rows(flow->file, function->start, function->end, flow->rows, room);
        if (flow->row_count < room)
            break;
    }
    if (!array_reserve(&flow->row_twins, &flow->twin_room, flow->row_count + 1, sizeof *flow->row_twins) ||
        !array_reserve(&flow->row_states, &flow->row_state_room, flow->row_count + 1, sizeof *flow->row_states))
        return false;
    if (flow->row_count == 0) {
        memset(&flow->rows[0], 0, sizeof flow->rows[0]);
        flow->row_count = 1;
    }
    for (uint32_t i = 0; i < flow->row_count; i++) {
        uint32_t twin = 0;
        while (twin < i && twin < TWINS_MOST && !is_same_row(&flow->rows[twin], &flow->rows[i]))
            twin++;
        flow->row_twins[i] = twin < TWINS_MOST ? twin : i;
        flow->row_states[i].is_valid = false;
    }
    return true;
}

static bool read_landings(struct flow *flow)
{
    const struct elf_function *function = flow->function;
    if (elf_landings_read(flow->file, function->start, function->start + flow->size, &flow->landings) != 0)
        return false;
    for (size_t i = 0; i < flow->landings.count; i++)
        if (is_target(flow, flow->landings.items[i].pad))
            flow->marks[flow->landings.items[i].pad - function->start] = 1;
    return true;
}

/* ---- the sweep ---- */

/* A relocatable file's call or jump leads where its relocation says, not where its bytes do. */
static void resolve(const struct flow *flow, struct step *step)
{
    uint64_t address = flow->function->start + step->offset;
    const struct elf_relocation *relocation = elf_relocation_in(flow->file, address, address + step->form.length);
    if (relocation != NULL)
        step->value = relocation->target; /* 0: in another file */
}

static bool is_jump(uint8_t operation)
{
    return operation == JUMP || operation == BRANCH;
}

static void mark_target(struct flow *flow, const struct step *step)
{
    bool is_inner_call = step->form.operation == CALL && step->value != (int64_t)flow->function->start;
    bool is_address = step->form.operation == ADDRESS; /* to which a jump elsewhere may come back */
    if ((is_jump(step->form.operation) || is_inner_call || is_address) && is_target(flow, step->value))
        flow->marks[step->value - flow->function->start] = 1;
}

/* Decodes from the offset until what has been decoded already, or the end. */
static bool sweep(struct flow *flow, uint32_t offset)
{
    uint32_t row = 0;
    while (offset < flow->size && flow->at[offset] == 0) {
        const uint8_t *bytes = flow->bytes + offset;
        if (!array_reserve(&flow->steps, &flow->step_room, flow->step_count + 1, sizeof *flow->steps))
            return false;
        struct step *step = &flow->steps[flow->step_count++];
        const struct form *form = decode(flow->decoder, bytes, flow->size - offset);
        while (row + 1 < flow->row_count && flow->rows[row + 1].offset <= offset)
            row++;
        step->form = *form;
        step->offset = offset;
        step->value = form_value(form, bytes, flow->function->start + offset);
        step->state = 0;
        step->row = row;
        step->chain = CHAIN_NONE;
        step->is_seeded = false;
        if ((form->operation >= CALL && form->operation <= BRANCH) || form->operation == ADDRESS) {
            if (unlikely(flow->file->relocations.count > 0))
                resolve(flow, step);
            mark_target(flow, step);
        }
        flow->at[offset] = flow->step_count;
        offset += form->length;
    }
    if (offset < flow->size && flow->steps[flow->step_count - 1].offset < offset)
        flow->marks[offset] = 1; /* two sweeps meet */
    return true;
}

static bool sweep_all(struct flow *flow)
{
    flow->step_count = 0;
    if (!sweep(flow, 0))
        return false;
    /* Targets between instructions: data was decoded, or code is entered past a prefix. */
    for (uint32_t before = 0; before != flow->step_count;) {
        uint32_t from = before;
        before = flow->step_count;
        for (uint32_t i = from; i < before; i++) {
            const struct step step = flow->steps[i];
            if (is_jump(step.form.operation) && is_target(flow, step.value) &&
                flow->at[step.value - flow->function->start] == 0 && !sweep(flow, step.value - flow->function->start))
                return false;
        }
    }
    return true;
}

/* ---- states where ways meet ---- */

/* Joins a state into that kept for the step. True if that changed it. */
static bool arrive(struct flow *flow, struct step *step, const struct state *state)
{
    if (step->state == 0) {
        if (!array_reserve(&flow->states, &flow->state_room, flow->state_count + 2, sizeof *flow->states)) {
            flow->has_no_memory = true;
            return false;
        }
        step->state = ++flow->state_count;
        flow->states[step->state] = *state;
        return true;
    }
    bool is_torn;
    struct state *kept = &flow->states[step->state];
    const struct cfi_row *row = &flow->rows[step->row];
    bool is_changed = state_join(kept, state, flow->cpu, &is_torn);
    if (is_torn && row->cfa == CFI_CFA_REGISTER && row->cfa_register == flow->cpu->sp) {
        /* CFI knows which. */
        kept->registers[flow->cpu->sp] = value_of(CFA, -(int64_t)row->cfa_offset);
        return is_changed;
    }
    if (is_torn && row->cfa == CFI_CFA_NONE)
        judge_add(flow, (struct finding){ .kind = FINDING_TORN, .offset = step->offset,
                                          .said = offset_of(kept->registers[flow->cpu->sp]) });
    return is_changed;
}

static struct step *step_at(const struct flow *flow, uint64_t address)
{
    uint32_t number = flow->at[address - flow->function->start];
    return number == 0 ? NULL : &flow->steps[number - 1];
}

static void note_pair(struct flow *flow, struct pairs *pairs, uint64_t callee)
{
    if (!array_reserve(&pairs->items, &pairs->room, pairs->count + 1, sizeof *pairs->items)) {
        flow->has_no_memory = true;
        return;
    }
    pairs->items[pairs->count++] = (struct pair){ .caller = flow->function->start, .callee = callee };
}

static void note_incoming(struct flow *flow, uint64_t target, const struct state *state)
{
    const struct elf_function *to = elf_function_at(flow->file, target);
    if (to == NULL || !(to->flags & FUNCTION_IS_PART))
        return;
    if (!array_reserve(&flow->incoming, &flow->incoming_room, flow->incoming_count + 1, sizeof *flow->incoming)) {
        flow->has_no_memory = true;
        return;
    }
    flow->incoming[flow->incoming_count++] = (struct incoming){ target, *state };
    note_pair(flow, &flow->doubts, to->start); /* whether the function returns depends on the part */
}

/* ---- a pass ---- */

static void note_indirect_jump(struct flow *flow, const struct step *step, const struct state *state)
{
    uint32_t row = flow->row_twins[step->row];
    bool is_torn;
    for (uint32_t i = 0; i < flow->jump_count; i++)
        if (flow->jump_rows[i] == row) {
            state_join(&flow->jump_states[i], state, flow->cpu, &is_torn);
            return;
        }
    if (flow->jump_count < array_length(flow->jump_states)) {
        flow->jump_rows[flow->jump_count] = row;
        flow->jump_states[flow->jump_count++] = *state;
    }
}

static void note_call_row(struct flow *flow, const struct step *step, const struct state *state)
{
    struct state *kept = &flow->row_states[flow->row_twins[step->row]];
    bool is_torn;
    if (!kept->is_valid)
        *kept = *state;
    else
        state_join(kept, state, flow->cpu, &is_torn);
}

/* Thread-locals' addresses that are kept over a call that may park are stale after it. */
static void make_stale(struct state *state)
{
    for (unsigned i = 0; i < REGISTERS; i++)
        if (kind_of(state->registers[i]) == THREAD_LOCAL)
            state->registers[i] = STALE;
    for (uint32_t i = 0; i < state->slot_count; i++)
        if (kind_of(state->slots[i].what) == THREAD_LOCAL)
            state->slots[i].what = STALE;
}

/* What a call does beside what state_step knows. False if it does not return. */
static bool step_over_call(struct flow *flow, const struct step *step, const struct state *before, struct state *state)
{
    uint64_t address = flow->function->start + step->offset;
    uint32_t callee = 0;
    if (step->form.operation == CALL)
        callee = callee_of(flow->calls, flow->file, address, step->value);
    else if (step->form.flags & ADDRESSES_PC && flow->file->relocations.count > 0)
        callee = callee_of(flow->calls, flow->file, address, 0);
    if (callee & CALLEE_PARKS) {
        if (flow->wants_edges)
            note_pair(flow, &flow->edges, PARKING_ELSEWHERE);
        make_stale(state);
    }
    if (callee & CALLEE_THREAD_LOCAL) {
        flow->figures.uses_thread_local = true;
        state->registers[0] = THREAD_LOCAL;
        state->known |= 1;
    }
    if (callee & CALLEE_EARLY && flow->cpu->link != NO_REGISTER) /* Go's morestack begins the function anew */
        state_set(state, flow->cpu, flow->cpu->link, before->registers[flow->cpu->link]);
    return !(callee & CALLEE_NORETURN);
}

/* The instruction after a call looks as if nothing came that way: padding, the end, or what others jump to. */
static bool is_doubtful(const struct flow *flow, const struct step *step, const struct step *next)
{
    return next == NULL || next->offset != step->offset + step->form.length || (next->form.flags & IS_PADDING) ||
           flow->marks[next->offset];
}

struct walk {
    struct state state;      /* the running one; invalid: no way leads here */
    uint32_t judged_row;     /* row and chain of the last instruction judged, if the state is still the same */
    uint8_t judged_chain;    /* CHAIN_NONE: it is not */
    uint32_t called_row;     /* the row of a call just before, padding apart; or UNKNOWN_OFFSET */
    bool is_changed; /* a state that had been used already */
};

static void leave_for(struct flow *flow, struct walk *walk, uint32_t from, uint64_t target, const struct state *state)
{
    struct step *to = step_at(flow, target);
    if (to == NULL)
        return;
    bool is_changed = arrive(flow, to, state);
    if (is_changed && (uint32_t)(to - flow->steps) <= from)
        walk->is_changed = true;
}

uint32_t flow_returns_to(const struct flow *flow, const struct step *step, const struct state *state)
{
    if (is_target(flow, step->value))
        return UNKNOWN_OFFSET;
    value back = flow->cpu->link == NO_REGISTER ? state_slot(state, state->registers[flow->cpu->sp])
                                                : state->registers[flow->cpu->link];
    return kind_of(back) == CODE ? (uint32_t)offset_of(back) : UNKNOWN_OFFSET;
}

/* After a call or jump by address; leaves the running state valid if the next instruction is reached. */
static void transfer(struct flow *flow, struct walk *walk, uint32_t number, const struct state *before)
{
    const struct step *step = &flow->steps[number];
    uint64_t start = flow->function->start;
    struct state *state = &walk->state;
    if (step->form.operation == CALL) {
        uint64_t next = start + step->offset + step->form.length;
        if ((uint64_t)step->value == next) { /* for the address pushed; it is popped again */
            *state = *before;
            struct form push = { .operation = STORE, .from = NO_REGISTER, .second = NO_REGISTER, .base = flow->cpu->sp,
                                 .before = -8, .size = 8 };
            if (flow->cpu->link == NO_REGISTER)
                state_step(state, flow->cpu, &push, 0);
            return;
        }
        if (is_target(flow, step->value) && (uint64_t)step->value != start &&
            flow->rows[step->row].cfa == CFI_CFA_NONE) { /* a local subroutine of assembly */
            struct state entry;
            state_enter(&entry, flow->cpu);
            leave_for(flow, walk, number, step->value, &entry);
        }
        if (flow->wants_edges)
            note_pair(flow, &flow->edges, step->value);
        return;
    }
    if (step->form.operation == JUMP && flow_returns_to(flow, step, before) != UNKNOWN_OFFSET) { /* a call in disguise */
        struct state returned = *before;
        struct form call = { .operation = CALL };
        state_step(&returned, flow->cpu, &call, 0);
        if (flow->cpu->link == NO_REGISTER) {
            struct form pop = { .operation = LOAD, .to = NO_REGISTER, .second = NO_REGISTER, .base = flow->cpu->sp,
                                .after = 8 };
            state_step(&returned, flow->cpu, &pop, 0);
        }
        note_call_row(flow, step, &returned);
        leave_for(flow, walk, number, flow->function->start + flow_returns_to(flow, step, before), &returned);
        if (flow->wants_edges)
            note_pair(flow, &flow->edges, step->value);
        state->is_valid = false;
        return;
    }
    if (is_target(flow, step->value))
        leave_for(flow, walk, number, step->value, state);
    else if (step->value != 0)
        note_incoming(flow, step->value, state);
    if (step->form.operation == JUMP)
        state->is_valid = false;
}

/*
 * A loop that probes the stack leaves the stack pointer somewhere; what pops the frame pointer then is where CFI's
 * next row says.
 */
static void place_pop(const struct flow *flow, const struct step *step, struct state *state)
{
    value *sp = &state->registers[flow->cpu->sp];
    uint32_t next = step->row + 1;
    if (step->form.base != flow->cpu->sp || step->form.after == 0 || *sp != FRAME || next >= flow->row_count ||
        flow->rows[next].offset != step->offset + step->form.length)
        return;
    const struct cfi_row *row = &flow->rows[next];
    if (row->cfa == CFI_CFA_REGISTER && row->cfa_register == flow->cpu->sp)
        *sp = value_of(CFA, -(int64_t)row->cfa_offset - step->form.after);
}

/* The same of a register that the caller's stack pointer is loaded into from an unknown place of the frame. */
static void place_loaded(const struct flow *flow, const struct step *step, const struct state *before, struct state *after)
{
    uint32_t next = step->row + 1;
    uint8_t to = step->form.to, base = step->form.base;
    if (to >= REGISTERS || base >= REGISTERS || after->registers[to] != OTHER || !is_of_frame(before->registers[base]) ||
        next >= flow->row_count || flow->rows[next].offset != step->offset + step->form.length)
        return;
    const struct cfi_row *row = &flow->rows[next];
    if (row->cfa == CFI_CFA_REGISTER && row->cfa_register == to && to != flow->cpu->fp)
        state_set(after, flow->cpu, to, value_of(CFA, -(int64_t)row->cfa_offset));
}

/*
 * On arm64 Go's frame pointer is 8 bytes below the stack pointer, in every function: who has called nothing sets it
 * to 8 bytes below its CFA at its end, and does not load what it has saved. Nobody's own record can be there.
 */
static bool is_go_restore(const struct flow *flow, const struct step *step, const struct state *after)
{
    const struct cpu *cpu = flow->cpu;
    return step->form.operation == ADD && step->form.to == cpu->fp && flow->file->is_go && cpu->link != NO_REGISTER &&
           after->registers[cpu->fp] == value_of(CFA, -8);
}

/* The state is that at the last instruction judged, and so is the row: what is left is what the instruction itself does. */
static bool is_judged(const struct flow *flow, const struct walk *walk, const struct step *step)
{
    return walk->judged_chain != CHAIN_NONE && walk->judged_row == step->row && flow->tell == NULL &&
           !flow->calls->has_parking && step->offset + step->form.length < flow->size;
}

/* There is nothing to judge that has not just been judged. */
static void count_judged(struct flow *flow, struct step *step, uint8_t chain)
{
    step->chain = chain;
    flow->figures.instructions++;
    flow->figures.chains[chain]++;
    flow->figures.uses_thread_local |= step->form.operation == THREAD_BASE;
}

/* An instruction that neither calls nor jumps. */
static void walk_over(struct flow *flow, struct walk *walk, struct step *step)
{
    struct state *state = &walk->state;
    bool is_ignored = state_ignores(state, &step->form), has_been = is_judged(flow, walk, step);
    if (is_ignored && has_been) {
        count_judged(flow, step, walk->judged_chain);
        return;
    }
    if (is_ignored) {
        judge_step(flow, step, state, state);
        walk->judged_chain = step->chain;
        walk->judged_row = step->row;
        return;
    }
    if (step->form.operation == LOAD)
        place_pop(flow, step, state);
    struct state before = *state;
    state_step(state, flow->cpu, &step->form, step->value);
    if (step->form.operation == LOAD)
        place_loaded(flow, step, &before, state);
    if (step->form.operation == ADDRESS && is_target(flow, step->value))
        state_set(state, flow->cpu, step->form.to, value_of(CODE, step->value - flow->function->start));
    if (is_go_restore(flow, step, state))
        state_set(state, flow->cpu, flow->cpu->fp, CALLER_FP);
    if (has_been && state->changes == before.changes) {
        count_judged(flow, step, walk->judged_chain);
        return;
    }
    judge_step(flow, step, &before, state);
    walk->judged_chain = state->changes == before.changes ? step->chain : CHAIN_NONE;
    walk->judged_row = step->row;
}

/* An exception that comes out of the call goes on where that lands, with the call's frame. */
static void throw_from(struct flow *flow, struct walk *walk, uint32_t number)
{
    uint64_t pad = elf_landing_pad(&flow->landings, flow->function->start + flow->steps[number].offset);
    if (pad == 0)
        return;
    struct state thrown = walk->state;
    state_set(&thrown, flow->cpu, 0, OTHER); /* no result, but the exception */
    if (is_target(flow, pad))
        leave_for(flow, walk, number, pad, &thrown);
    else
        note_incoming(flow, pad, &thrown);
}

static void walk_call(struct flow *flow, struct walk *walk, uint32_t number, const struct state *before)
{
    const struct step *step = &flow->steps[number], *next = number + 1 < flow->step_count ? step + 1 : NULL;
    struct state *state = &walk->state;
    note_call_row(flow, step, before);
    bool returns = step_over_call(flow, step, before, state);
    if (unlikely(flow->landings.count > 0))
        throw_from(flow, walk, number);
    if (step->form.operation == CALL)
        transfer(flow, walk, number, before);
    walk->called_row = judge_row(flow, &flow->rows[step->row], before, NULL) ? step->row : UNKNOWN_OFFSET;
    if (!returns)
        state->is_valid = false;
    else if (step->form.operation == CALL && is_doubtful(flow, step, next))
        note_pair(flow, &flow->doubts, step->value);
}

/*
 * If CFI agreed at the call just before, and does not agree here, that call does not return. If it has the CFA by a
 * register that calls may change, the callee is known to leave it: assembly among itself.
 */
static void deny_return(struct flow *flow, struct walk *walk, const struct step *step)
{
    const struct cfi_row *row = &flow->rows[step->row];
    if (row->cfa == CFI_CFA_REGISTER && row->cfa_register < REGISTERS &&
        walk->state.registers[row->cfa_register] == OTHER && flow->cpu->caller_saved >> row->cfa_register & 1)
        state_set(&walk->state, flow->cpu, row->cfa_register, value_of(CFA, -(int64_t)row->cfa_offset));
    if (step->row != walk->called_row && walk->state.is_valid &&
        !judge_row(flow, &flow->rows[step->row], &walk->state, NULL))
        walk->state.is_valid = false;
    if (!(step->form.flags & IS_PADDING) || !walk->state.is_valid)
        walk->called_row = UNKNOWN_OFFSET;
}

static void walk_step(struct flow *flow, struct walk *walk, uint32_t number)
{
    struct step *step = &flow->steps[number];
    struct state before, *state = &walk->state;
    uint8_t operation = step->form.operation;
    if (likely(operation != BAD && (operation < CALL || operation > STOP))) {
        bool is_end = operation == KERNEL && state_ends(state, flow->cpu);
        walk_over(flow, walk, step);
        state->is_valid = !is_end;
        return;
    }
    if (operation == BRANCH && step->form.writes == 0 && is_target(flow, step->value) && is_judged(flow, walk, step)) {
        count_judged(flow, step, walk->judged_chain);
        leave_for(flow, walk, number, step->value, state);
        return;
    }
    before = *state;
    if (operation != BRANCH || step->form.writes != 0)
        state_step(state, flow->cpu, &step->form, step->value);
    judge_step(flow, step, &before, state);
    if (operation != BRANCH)
        walk->judged_chain = CHAIN_NONE;
    if (operation == CALL || operation == CALL_INDIRECT)
        walk_call(flow, walk, number, &before);
    else if (operation == JUMP || operation == BRANCH)
        transfer(flow, walk, number, &before);
    else if (operation == JUMP_INDIRECT)
        note_indirect_jump(flow, step, &before);
    if (operation == JUMP_INDIRECT || operation == RETURN || operation == STOP || operation == BAD)
        state->is_valid = false;
}

/* ---- seeds ---- */

/* What CFI alone says; false if it says nothing. */
static bool state_of_row(const struct flow *flow, const struct cfi_row *row, struct state *state)
{
    const struct cpu *cpu = flow->cpu;
    if (row->cfa != CFI_CFA_REGISTER)
        return false;
    memset(state, 0, sizeof *state);
    state->is_valid = true;
    state->known = register_bit(cpu->sp) | register_bit(cpu->fp) | register_bit(cpu->link) | register_bit(row->cfa_register);
    state->registers[cpu->sp] = FRAME;
    state->registers[cpu->fp] = row->fp == CFI_SAME ? CALLER_FP : MIXED;
    if (row->cfa_register < REGISTERS)
        state->registers[row->cfa_register] = value_of(CFA, -(int64_t)row->cfa_offset);
    if (row->fp == CFI_AT_CFA)
        state_store(state, value_of(CFA, row->fp_offset), CALLER_FP, 8);
    if (cpu->link == NO_REGISTER)
        state_store(state, value_of(CFA, -8), RETURN_ADDRESS, 8);
    else if (row->ra == CFI_AT_CFA)
        state_store(state, value_of(CFA, row->ra_offset), RETURN_ADDRESS, 8);
    else
        state->registers[cpu->link] = RETURN_ADDRESS;
    return true;
}

static bool seed(const struct flow *flow, const struct step *step, struct state *state)
{
    uint32_t row = flow->row_twins[step->row];
    const struct cfi_row *rule = &flow->rows[step->row];
    for (uint32_t i = 0; i < flow->jump_count; i++)
        if (flow->jump_rows[i] == row) {
            *state = flow->jump_states[i];
            return true;
        }
    if (rule->cfa != CFI_CFA_NONE && flow->row_states[row].is_valid) {
        *state = flow->row_states[row];
        for (unsigned i = 0; i < REGISTERS; i++) /* what follows a call keeps what a call keeps */
            if (flow->cpu->caller_saved >> i & 1)
                state->registers[i] = OTHER;
        return true;
    }
    return flow->jump_count > 0 && state_of_row(flow, rule, state); /* without jumps or calls: data, or dead code */
}

static bool is_padding(const struct step *step)
{
    uint8_t operation = step->form.operation;
    return (step->form.flags & IS_PADDING) || operation == BAD || operation == STOP;
}

static void reset_judgement(struct flow *flow)
{
    uint32_t unset = UNKNOWN_OFFSET;
    memset(&flow->figures, 0, sizeof flow->figures);
    flow->figures.broken_at = flow->figures.spoiled_at = flow->figures.broken_call = flow->figures.caller_call = unset;
    flow->finding_count = 0;
}

/* One walk over all instructions. True if it has changed a state that had been used already. */
static bool pass(struct flow *flow, bool wants_seeds)
{
    struct walk walk = { .called_row = UNKNOWN_OFFSET };
    reset_judgement(flow);
    for (uint32_t i = 0; i < flow->step_count; i++) {
        struct step *step = &flow->steps[i];
        bool is_in_order = i == 0 || step[-1].offset + step[-1].form.length == step->offset;
        if (unlikely(!is_in_order)) {
            uint32_t end = step[-1].offset + step[-1].form.length;
            if (walk.state.is_valid && end < flow->size)
                leave_for(flow, &walk, i - 1, flow->function->start + end, &walk.state);
            walk.state.is_valid = false;
        }
        if (walk.called_row != UNKNOWN_OFFSET)
            deny_return(flow, &walk, step);
        if (flow->marks[step->offset] || step->state != 0) {
            if (walk.state.is_valid)
                arrive(flow, step, &walk.state);
            if (step->state != 0)
                walk.state = flow->states[step->state];
            walk.judged_chain = CHAIN_NONE;
        }
        if (!walk.state.is_valid) {
            step->chain = CHAIN_NONE;
            if (wants_seeds && is_in_order && !is_padding(step) && seed(flow, step, &walk.state)) {
                step->is_seeded = true;
                arrive(flow, step, &walk.state);
                walk.state = flow->states[step->state];
                walk.judged_chain = CHAIN_NONE;
            }
            if (!walk.state.is_valid) {
                flow->figures.unreached_bytes += is_padding(step) ? 0 : step->form.length;
                continue;
            }
        }
        flow->figures.seeds += step->is_seeded;
        walk_step(flow, &walk, i);
    }
    judge_spoiled(flow);
    return walk.is_changed;
}

/* Passes until one changes nothing. What they collect is that of the last. */
static bool settle(struct flow *flow, bool wants_seeds, size_t incoming, size_t edges, size_t doubts)
{
    for (int i = 0; i < PASSES_MOST && !flow->has_no_memory; i++) {
        flow->incoming_count = incoming;
        flow->edges.count = edges;
        flow->doubts.count = doubts;
        if (!pass(flow, wants_seeds))
            return true;
    }
    return false;
}

/* ---- one function ---- */

static void enter_part(struct flow *flow, const struct incoming *entries, size_t entry_count)
{
    for (size_t i = 0; i < entry_count; i++) {
        struct step *step = is_target(flow, entries[i].target) ? step_at(flow, entries[i].target) : NULL;
        if (step != NULL)
            arrive(flow, step, &entries[i].state);
    }
    struct state state;
    uint32_t first = 0; /* the first that is no padding: what lies before has the row of a function's entry */
    while (first + 1 < flow->step_count && (flow->steps[first].form.flags & IS_PADDING))
        first++;
    if (flow->step_count > 0 && flow->steps[first].state == 0 && state_of_row(flow, &flow->rows[flow->steps[first].row], &state))
        arrive(flow, &flow->steps[first], &state);
}

int flow_run(struct flow *flow, const struct elf_function *function, const struct incoming *entries, size_t entry_count)
{
    const struct elf_section *section = &flow->file->code.items[function->section];
    uint64_t size = function->end - function->start;
    flow->function = function;
    flow->bytes = section->bytes + (function->start - section->address);
    flow->size = size < UINT32_MAX / 2 ? size : UINT32_MAX / 2;
    flow->state_count = flow->jump_count = 0;
    flow->has_no_memory = false;
    if (!reserve_bytes(flow, flow->size + 1) || !read_rows(flow) || !read_landings(flow) || !sweep_all(flow))
        return -ENOMEM;
    if (entry_count > 0 || (function->flags & FUNCTION_IS_PART)) {
        enter_part(flow, entries, entry_count);
    } else if (flow->step_count > 0) {
        struct state state;
        state_enter(&state, flow->cpu);
        if (flow->rows[0].cfa == CFI_CFA_REGISTER && !cfi_is_entry(flow->file, &flow->rows[0]) &&
            !(function->flags & FUNCTION_IS_GLOBAL))
            state_of_row(flow, &flow->rows[0], &state); /* a label in the midst of a frame */
        if (flow->rows[0].cfa != CFI_CFA_NONE && flow->rows[0].ra == CFI_UNDEFINED)
            state.registers[flow->cpu->fp] = value_of(NUMBER, 0); /* a root: it stands on the last record */
        arrive(flow, &flow->steps[0], &state);
    }
    size_t incoming = flow->incoming_count, edges = flow->edges.count, doubts = flow->doubts.count;
    bool is_settled = settle(flow, false, incoming, edges, doubts);
    if (is_settled && flow->figures.unreached_bytes > 0 && !flow->has_no_memory)
        is_settled = settle(flow, true, incoming, edges, doubts);
    flow->figures.is_unsettled = !is_settled;
    return flow->has_no_memory ? -ENOMEM : 0;
}

void flow_judge(struct flow *flow)
{
    pass(flow, flow->figures.seeds > 0);
}
