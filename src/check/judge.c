/* SPDX-License-Identifier: MIT */
/*
 * judge.c: the rules, at one instruction.
 *
 * The chain is judged before the instruction, as a signal would find it there, and at a call as the callee's walker
 * finds it. Where CFI has a row, each of its three rules is compared with the state as far as that is known.
 */
#include "check/flow.h"

#include <string.h>

#include "elf/imports.h"

enum { GUARD_BYTES = 64 * 1024 };

void judge_add(struct flow *flow, struct finding finding)
{
    for (uint32_t i = 0; i < flow->finding_count; i++) {
        /* One of a kind is enough: what follows mostly comes from the first. */
        bool is_same = flow->findings[i].kind == finding.kind &&
                       (finding.kind != FINDING_CFI || flow->findings[i].column == finding.column);
        if (is_same && finding.kind != FINDING_LARGE_FRAME && finding.kind != FINDING_STACK_SWITCH)
            return;
        if (is_same && flow->findings[i].offset == finding.offset)
            return;
    }
    if (flow->finding_count < FINDINGS_MOST)
        flow->findings[flow->finding_count++] = finding;
}

/* ---- CFI ---- */

static bool cfa_may_be(const struct flow *flow, const struct cfi_row *row, const struct state *state,
                       struct finding *finding)
{
    if (row->cfa != CFI_CFA_REGISTER || row->cfa_register >= REGISTERS)
        return true;
    value base = state->registers[row->cfa_register];
    bool is_wrong = kind_of(base) == CFA ? offset_of(base) != -(int64_t)row->cfa_offset
                                         : row->cfa_register == flow->cpu->fp && kind_of(base) == CALLER_FP;
    if (is_wrong && finding != NULL)
        *finding = (struct finding){ .kind = FINDING_CFI, .column = 0, .said = row->cfa_offset,
                                     .is = kind_of(base) == CFA ? -offset_of(base) : INT32_MIN,
                                     .said_register = row->cfa_register };
    return !is_wrong;
}

static bool fp_may_be(const struct flow *flow, const struct cfi_row *row, const struct state *state,
                      struct finding *finding)
{
    value fp = state->registers[flow->cpu->fp];
    bool is_wrong = false;
    if (row->fp == CFI_SAME) /* and CFI_UNSAID: nothing */
        is_wrong = fp != CALLER_FP && !is_either(fp) && row->ra != CFI_UNDEFINED;
    else if (row->fp == CFI_AT_CFA)
        is_wrong = fp != CALLER_FP && state_slot(state, value_of(CFA, row->fp_offset)) != CALLER_FP;
    if (is_wrong && finding != NULL)
        *finding = (struct finding){ .kind = FINDING_CFI, .column = 1, .said = row->fp == CFI_AT_CFA ? row->fp_offset
                                                                                                    : INT32_MIN };
    return !is_wrong;
}

static bool ra_may_be(const struct flow *flow, const struct cfi_row *row, const struct state *state,
                      struct finding *finding)
{
    uint8_t link = flow->cpu->link;
    bool is_wrong = false;
    if (row->ra == CFI_AT_CFA)
        is_wrong = state_slot(state, value_of(CFA, row->ra_offset)) != RETURN_ADDRESS &&
                   (link == NO_REGISTER || state->registers[link] != RETURN_ADDRESS);
    else if (row->ra == CFI_SAME && link != NO_REGISTER)
        is_wrong = state->registers[link] != RETURN_ADDRESS;
    if (is_wrong && finding != NULL)
        *finding = (struct finding){ .kind = FINDING_CFI, .column = 2, .said = row->ra == CFI_AT_CFA ? row->ra_offset
                                                                                                    : INT32_MIN };
    return !is_wrong;
}

bool judge_row(const struct flow *flow, const struct cfi_row *row, const struct state *state, struct finding *finding)
{
    if (row->cfa != CFI_CFA_REGISTER || row->ra == CFI_UNDEFINED)
        return true; /* nothing is said, or nobody unwinds from here */
    return cfa_may_be(flow, row, state, finding) && fp_may_be(flow, row, state, finding) &&
           ra_may_be(flow, row, state, finding);
}

/* ---- the chain ---- */

static bool is_root(const struct flow *flow, const struct step *step)
{
    const struct cfi_row *row = &flow->rows[step->row];
    const char *name = flow->function->name;
    return (row->cfa != CFI_CFA_NONE && row->ra == CFI_UNDEFINED) ||
           (name != NULL && name[0] == '_' && strcmp(name, "_start") == 0);
}

static void judge_chain(struct flow *flow, struct step *step, const struct state *state)
{
    enum chain chain = state_chain(state, flow->cpu);
    if (chain == CHAIN_ROOT && !is_root(flow, step))
        chain = CHAIN_BROKEN;
    step->chain = chain;
    flow->figures.chains[chain]++;
    if (chain == CHAIN_SPOILED && flow->figures.spoiled_at == UNKNOWN_OFFSET)
        flow->figures.spoiled_at = step->offset;
    if (chain != CHAIN_BROKEN || flow->figures.broken_at != UNKNOWN_OFFSET)
        return;
    flow->figures.broken_at = step->offset;
    judge_add(flow, (struct finding){ .kind = is_of_frame(state->registers[flow->cpu->fp]) ? FINDING_RECORD
                                                                                         : FINDING_CLOBBER,
                                      .offset = step->offset, .other = UNKNOWN_OFFSET });
}

void judge_spoiled(struct flow *flow)
{
    if (flow->figures.spoiled_at == UNKNOWN_OFFSET || flow->figures.broken_at != UNKNOWN_OFFSET)
        return;
    flow->figures.broken_at = flow->figures.spoiled_at;
    judge_add(flow, (struct finding){ .kind = FINDING_CLOBBER, .offset = flow->figures.spoiled_at, .other = UNKNOWN_OFFSET });
}

/* What is called has to be marked as a function. */
static void judge_callee(struct flow *flow, const struct step *step)
{
    const struct elf_function *to = elf_function_from(flow->file, step->value);
    if (to != NULL && (to->flags & FUNCTION_IS_LABEL))
        judge_add(flow, (struct finding){ .kind = FINDING_UNTYPED, .offset = step->offset });
}

static void judge_call(struct flow *flow, const struct step *step)
{
    struct figures *figures = &flow->figures;
    uint64_t address = flow->function->start + step->offset;
    if (step->form.operation == CALL) {
        if ((uint64_t)step->value == address + step->form.length)
            return; /* pushes the pc */
        if (callee_of(flow->calls, flow->file, address, step->value) & CALLEE_EARLY)
            return;
    }
    figures->calls++;
    if (unlikely(flow->file->has_labels) && step->form.operation == CALL)
        judge_callee(flow, step);
    switch (step->chain) {
    case CHAIN_WHOLE: case CHAIN_ROOT:
        figures->calls_whole++;
        break;
    case CHAIN_CALLER:
        figures->calls_caller++;
        if (figures->caller_call == UNKNOWN_OFFSET)
            figures->caller_call = step->offset;
        break;
    default:
        figures->calls_broken++;
        if (figures->broken_call == UNKNOWN_OFFSET)
            figures->broken_call = step->offset;
        break;
    }
}

/* ---- leaving the function ---- */

static bool is_at_entry_level(const struct flow *flow, const struct state *state)
{
    value sp = state->registers[flow->cpu->sp];
    return kind_of(sp) != CFA || sp == value_of(CFA, -flow->cpu->entry_offset);
}

static void judge_fp_restored(struct flow *flow, const struct step *step, const struct state *state)
{
    value fp = state->registers[flow->cpu->fp];
    if (fp != CALLER_FP && !is_either(fp) && step->chain != CHAIN_ROOT)
        judge_add(flow, (struct finding){ .kind = FINDING_NOT_RESTORED, .offset = step->offset });
}

static void judge_return(struct flow *flow, const struct step *step, const struct state *state)
{
    if (!is_at_entry_level(flow, state))
        judge_add(flow, (struct finding){ .kind = FINDING_RETURN, .offset = step->offset,
                                          .is = -offset_of(state->registers[flow->cpu->sp]) - flow->cpu->entry_offset });
    judge_fp_restored(flow, step, state);
}

static bool is_sibling(const struct flow *flow, const struct step *step)
{
    uint64_t target = step->value;
    if (target == 0 || target - flow->function->start < flow->size)
        return target == 0 && flow->file->type == ET_REL;
    const struct elf_function *to = elf_function_from(flow->file, target);
    return to != NULL ? !(to->flags & FUNCTION_IS_PART) : elf_import_name(flow->file, target) != NULL;
}

static void judge_jump(struct flow *flow, const struct step *step, const struct state *state)
{
    if (!is_sibling(flow, step))
        return;
    if (step->form.operation == JUMP && flow_returns_to(flow, step, state) != UNKNOWN_OFFSET) {
        judge_call(flow, step);
        return;
    }
    if (!is_at_entry_level(flow, state))
        judge_add(flow, (struct finding){ .kind = FINDING_SIBLING, .offset = step->offset,
                                          .is = -offset_of(state->registers[flow->cpu->sp]) - flow->cpu->entry_offset });
    else
        judge_fp_restored(flow, step, state);
}

/* The last instruction before the function's end leads on to what follows. */
static void judge_end(struct flow *flow, const struct step *step, const struct state *after)
{
    uint8_t operation = step->form.operation;
    flow->figures.returns |= operation != CALL && operation != CALL_INDIRECT && operation != STOP && operation != JUMP;
    if (step->offset + step->form.length < flow->size || operation == JUMP || operation == RETURN || operation == STOP ||
        operation == JUMP_INDIRECT || operation == BAD || operation == CALL || operation == CALL_INDIRECT)
        return; /* a call that is the last thing does not return */
    /* Between routines lies padding, at most to the next multiple of 64. */
    uint64_t end = flow->function->end;
    const struct elf_function *next = elf_function_after(flow->file, end);
    if (next != NULL && next->start - end < 64 && (is_at_entry_level(flow, after) && after->registers[flow->cpu->fp] == CALLER_FP))
        return; /* one routine that runs on into the next, as assembly does: nothing is lost by that */
    judge_add(flow, (struct finding){ .kind = FINDING_FALLS_THROUGH, .offset = step->offset });
}

/* ---- the rules that goroutines need ---- */

static void judge_stack_pointer(struct flow *flow, const struct step *step, const struct state *before,
                                const struct state *after)
{
    value old = before->registers[flow->cpu->sp], new = after->registers[flow->cpu->sp];
    if (old == new)
        return;
    if (after->untouched > GUARD_BYTES && before->untouched <= GUARD_BYTES)
        judge_add(flow, (struct finding){ .kind = FINDING_LARGE_FRAME, .offset = step->offset, .is = after->untouched });
    if (is_of_frame(new) || !is_of_frame(old))
        return;
    uint8_t base = step->form.operation == LOAD ? step->form.base : NO_REGISTER;
    bool is_own = base < REGISTERS && is_of_frame(before->registers[base]); /* put aside in the frame: a block's end */
    bool is_own_alloca = is_own && kind_of(before->registers[flow->cpu->fp]) != OTHER && base == flow->cpu->fp;
    if (!is_own_alloca)
        judge_add(flow, (struct finding){ .kind = FINDING_STACK_SWITCH, .offset = step->offset });
}

static bool is_stale(const struct state *state, uint8_t number)
{
    return number < REGISTERS && kind_of(state->registers[number]) == STALE;
}

static void judge_thread_local(struct flow *flow, const struct step *step, const struct state *before)
{
    if (is_stale(before, step->form.base))
        judge_add(flow, (struct finding){ .kind = FINDING_THREAD_LOCAL, .offset = step->offset });
}

/* A jump or call by address leads to code. Address 0 is that of a weak function which is not there. */
static void judge_target(struct flow *flow, const struct step *step)
{
    if (step->value != 0 && elf_section_at(&flow->file->code, step->value) == NULL)
        judge_add(flow, (struct finding){ .kind = FINDING_NO_CODE, .offset = step->offset, .is_target = true });
}

/* ---- all of them ---- */

/* A jump to another function, that is not known to end there; a part is asked later. */
static bool leads_out(const struct flow *flow, const struct step *step)
{
    uint64_t address = flow->function->start + step->offset, target = step->value;
    if (target - flow->function->start < flow->size)
        return false;
    const struct elf_function *to = elf_function_at(flow->file, target);
    if (to != NULL && to->flags & FUNCTION_IS_PART)
        return false;
    return !(callee_of(flow->calls, flow->file, address, target) & CALLEE_NORETURN);
}

void judge_step(struct flow *flow, struct step *step, const struct state *before, const struct state *after)
{
    const struct cfi_row *row = &flow->rows[step->row];
    uint8_t operation = step->form.operation;
    struct finding finding;
    flow->figures.instructions++;
    judge_chain(flow, step, before);
    if (row->cfa != CFI_CFA_NONE && !judge_row(flow, row, before, &finding)) {
        finding.offset = step->offset;
        judge_add(flow, finding);
    }
    if (flow->tell != NULL)
        flow->tell(flow, step, before, flow->tell_argument);
    if (operation == RETURN || operation == JUMP_INDIRECT || operation == BAD ||
        (!flow->figures.returns && (operation == JUMP || operation == BRANCH) && leads_out(flow, step)))
        flow->figures.returns = true;
    if (operation == CALL || operation == CALL_INDIRECT) {
        judge_call(flow, step);
    } else if (operation == RETURN) {
        judge_return(flow, step, before);
    } else if (operation == JUMP || operation == BRANCH) {
        judge_jump(flow, step, before);
    } else if (operation == BAD) {
        flow->figures.is_undecoded = true;
        judge_add(flow, (struct finding){ .kind = FINDING_NO_CODE, .offset = step->offset });
    } else {
        flow->figures.uses_thread_local |= operation == THREAD_BASE;
        judge_stack_pointer(flow, step, before, after);
    }
    if (operation == CALL || ((operation == JUMP || operation == BRANCH) && step->value - flow->function->start >= flow->size))
        judge_target(flow, step);
    if (flow->calls->has_parking)
        judge_thread_local(flow, step, before);
    bool is_end = operation == KERNEL && state_ends(before, flow->cpu);
    if (unlikely(step->offset + step->form.length >= flow->size) && !is_end)
        judge_end(flow, step, after);
}
