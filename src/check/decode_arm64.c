/* SPDX-License-Identifier: MIT */
/* decode_arm64.c: what Capstone says of an arm64 instruction, as a form. */
#include "check/decode.h"

#include <capstone/capstone.h>

enum { HINT_WORD = 0xd503201f, HINT_MASK = 0xfffff01f, TPIDR_EL0 = 0xde82 };

/* DWARF's number of a general register of either width; the zero register has none. */
static uint8_t number_of(unsigned name)
{
    if (name >= ARM64_REG_X0 && name <= ARM64_REG_X28)
        return name - ARM64_REG_X0;
    if (name >= ARM64_REG_W0 && name <= ARM64_REG_W30)
        return name - ARM64_REG_W0;
    if (name == ARM64_REG_X29)
        return 29;
    if (name == ARM64_REG_X30)
        return 30;
    return name == ARM64_REG_SP || name == ARM64_REG_WSP ? 31 : NO_REGISTER;
}

static bool is_wide(unsigned name)
{
    return (name >= ARM64_REG_X0 && name <= ARM64_REG_X28) || name == ARM64_REG_X29 || name == ARM64_REG_X30 ||
           name == ARM64_REG_SP || name == ARM64_REG_XZR;
}

static uint32_t written_by(size_t handle, const cs_insn *instruction)
{
    cs_regs read, written;
    uint8_t read_count, written_count;
    uint32_t mask = 0;
    if (instruction->id != ARM64_INS_SVC &&
        cs_regs_access(handle, instruction, read, &read_count, written, &written_count) == CS_ERR_OK)
        for (int i = 0; i < written_count; i++)
            mask |= register_bit(number_of(written[i]));
    const cs_arm64 *arm64 = &instruction->detail->arm64;
    if (arm64->op_count > 0 && arm64->operands[0].type == ARM64_OP_REG && (arm64->operands[0].access & CS_AC_WRITE))
        mask |= register_bit(number_of(arm64->operands[0].reg));
    return mask;
}

/* [base, #value], [base, #value]!, [base], #value */
static void address_of(struct form *form, const cs_arm64 *arm64, const cs_arm64_op *memory)
{
    form->base = number_of(memory->mem.base);
    form->value = memory->mem.disp;
    if (memory->mem.index != ARM64_REG_INVALID)
        form->flags |= HAS_INDEX;
    if (form->base == cpu_aarch64.sp || form->base == cpu_aarch64.fp)
        form->flags |= TOUCHES_STACK;
    if (!arm64->writeback)
        return;
    const cs_arm64_op *last = &arm64->operands[arm64->op_count - 1];
    if (last != memory && last->type == ARM64_OP_IMM) {
        form->after = last->imm;
    } else if (last != memory) { /* by a register: vectors only */
        form->flags |= HAS_INDEX;
        form->writes |= register_bit(form->base);
    } else {
        form->before = memory->mem.disp;
        form->value = 0;
    }
}

static bool is_load(unsigned id)
{
    return id == ARM64_INS_LDR || id == ARM64_INS_LDUR || id == ARM64_INS_LDP || id == ARM64_INS_LDNP;
}

static bool is_store(unsigned id)
{
    return id == ARM64_INS_STR || id == ARM64_INS_STUR || id == ARM64_INS_STP || id == ARM64_INS_STNP ||
           id == ARM64_INS_STRB || id == ARM64_INS_STURB || id == ARM64_INS_STRH || id == ARM64_INS_STURH;
}

static uint8_t size_of(unsigned id, unsigned name)
{
    if (id == ARM64_INS_STRB || id == ARM64_INS_STURB)
        return 1;
    if (id == ARM64_INS_STRH || id == ARM64_INS_STURH)
        return 2;
    if (name >= ARM64_REG_Q0 && name <= ARM64_REG_Q31)
        return 16;
    return is_wide(name) || (name >= ARM64_REG_D0 && name <= ARM64_REG_D31) ? 8 : 4;
}

static void form_of_access(struct form *form, unsigned id, const cs_arm64 *arm64)
{
    const cs_arm64_op *memory = NULL;
    for (int i = 0; i < arm64->op_count; i++)
        if (arm64->operands[i].type == ARM64_OP_MEM)
            memory = &arm64->operands[i];
    if (memory == NULL)
        return;
    address_of(form, arm64, memory);
    form->size = size_of(id, arm64->operands[0].reg);
    bool is_pair = memory - arm64->operands == 2, is_word = is_wide(arm64->operands[0].reg);
    uint8_t first = is_word ? number_of(arm64->operands[0].reg) : NO_REGISTER;
    uint8_t second = is_pair && is_word ? number_of(arm64->operands[1].reg) : NO_REGISTER;
    if (is_load(id) && memory->mem.base != ARM64_REG_INVALID) {
        form->operation = LOAD;
        form->to = first;
        form->second = second;
        form->writes &= ~(register_bit(first) | register_bit(second));
    } else if (is_store(id)) {
        form->operation = STORE;
        form->from = first;
        form->second = second;
        form->flags |= is_word && form->size == 8 ? 0 : IS_NARROW;
    } else if (form->before != 0 || form->after != 0) {
        form->operation = STORE; /* of something: the base moves */
        form->from = NO_REGISTER;
        form->flags |= IS_NARROW;
    }
    if (is_pair && form->second == NO_REGISTER)
        form->size *= 2;
    if (form->operation != PLAIN && !(form->flags & HAS_INDEX && arm64->writeback))
        form->writes &= ~register_bit(form->base == form->to || form->base == form->second ? NO_REGISTER : form->base);
}

/* add and sub, of an immediate or a register. */
static void form_of_addition(struct form *form, bool is_sub, const cs_arm64 *arm64)
{
    const cs_arm64_op *to = &arm64->operands[0], *from = &arm64->operands[1], *what = &arm64->operands[2];
    if (arm64->op_count != 3 || !is_wide(to->reg) || number_of(from->reg) == NO_REGISTER)
        return;
    if (what->type == ARM64_OP_IMM) {
        form->operation = ADD;
        form->value = what->imm << (what->shift.type == ARM64_SFT_LSL ? what->shift.value : 0);
        form->flags |= is_sub ? IS_NEGATIVE : 0;
    } else if (what->type == ARM64_OP_REG) {
        bool is_plain = what->shift.value == 0 && what->ext == ARM64_EXT_INVALID && is_wide(what->reg);
        form->operation = is_sub ? SUBTRACT_REGISTER : ADD_REGISTER;
        form->second = is_plain ? number_of(what->reg) : NO_REGISTER; /* by an amount that is not known */
    } else {
        return;
    }
    form->to = number_of(to->reg);
    form->from = number_of(from->reg);
}

static void branch(struct form *form, enum operation operation, const cs_arm64 *arm64)
{
    form->operation = operation;
    form->flags |= ADDRESSES_PC;
    form->value = (int32_t)arm64->operands[arm64->op_count - 1].imm; /* decoded at address 0 */
}

static void form_of_constant(struct form *form, const cs_arm64 *arm64, bool is_inverted)
{
    const cs_arm64_op *to = &arm64->operands[0], *what = &arm64->operands[1];
    int64_t value = (int64_t)((uint64_t)what->imm << what->shift.value);
    if (is_inverted)
        value = ~value;
    if (what->type != ARM64_OP_IMM || value != (int32_t)value)
        return;
    form->operation = CONSTANT;
    form->to = number_of(to->reg);
    form->value = value;
}

static void form_of_move(struct form *form, const cs_arm64 *arm64)
{
    const cs_arm64_op *to = &arm64->operands[0], *from = &arm64->operands[1];
    if (from->type == ARM64_OP_IMM) {
        form_of_constant(form, arm64, false);
    } else if (to->type == ARM64_OP_REG && is_wide(to->reg)) {
        form->to = number_of(to->reg);
        form->from = number_of(from->reg);
        form->operation = from->reg == ARM64_REG_XZR ? CONSTANT : form->from != NO_REGISTER ? MOVE : PLAIN; /* a vector's */
    }
}

/* What computes in registers. */
static void form_of_arithmetic(struct form *form, unsigned id, const cs_arm64 *arm64)
{
    const cs_arm64_op *operands = arm64->operands;
    switch (id) {
    case ARM64_INS_MOV: form_of_move(form, arm64); break;
    case ARM64_INS_MOVZ: case ARM64_INS_MOVN: form_of_constant(form, arm64, id == ARM64_INS_MOVN); break;
    case ARM64_INS_MOVK:
        form->operation = INSERT;
        form->to = number_of(operands[0].reg);
        form->value = operands[1].imm;
        form->shift = operands[1].shift.value;
        break;
    case ARM64_INS_ADD: case ARM64_INS_SUB: form_of_addition(form, id == ARM64_INS_SUB, arm64); break;
    case ARM64_INS_AND:
        if (arm64->op_count == 3 && operands[2].type == ARM64_OP_IMM && operands[2].imm < 0 && is_wide(operands[0].reg)) {
            form->operation = ALIGN;
            form->value = operands[2].imm;
            form->to = number_of(operands[0].reg);
            form->from = number_of(operands[1].reg);
        }
        break;
    case ARM64_INS_ADR:
        branch(form, ADDRESS, arm64);
        form->to = number_of(operands[0].reg);
        break;
    case ARM64_INS_CMP: case ARM64_INS_CMN: case ARM64_INS_TST: case ARM64_INS_CCMP: case ARM64_INS_CCMN:
        form->writes = 0; /* the library says that the first operand is written */
        break;
    case ARM64_INS_MRS:
        if (operands[1].type == ARM64_OP_REG_MRS && (unsigned)operands[1].reg == TPIDR_EL0) {
            form->operation = THREAD_BASE;
            form->to = number_of(operands[0].reg);
        }
        break;
    default: form_of_access(form, id, arm64); break;
    }
}

struct form form_of_arm64(size_t handle, const cs_insn *instruction, uint32_t word)
{
    const cs_arm64 *arm64 = &instruction->detail->arm64;
    struct form form = { .operation = PLAIN, .length = 4, .to = NO_REGISTER, .from = NO_REGISTER,
                         .second = NO_REGISTER, .base = NO_REGISTER };
    form.writes = written_by(handle, instruction);
    switch (instruction->id) {
    case ARM64_INS_NOP: case ARM64_INS_HINT:
        form.flags |= word == HINT_WORD ? IS_PADDING : 0;
        form.writes = 0;
        break;
    case ARM64_INS_BL: branch(&form, CALL, arm64); break;
    case ARM64_INS_BLR: form.operation = CALL_INDIRECT; break;
    case ARM64_INS_B:
        branch(&form, arm64->cc == ARM64_CC_INVALID || arm64->cc == ARM64_CC_AL ? JUMP : BRANCH, arm64);
        break;
    case ARM64_INS_CBZ: case ARM64_INS_CBNZ: case ARM64_INS_TBZ: case ARM64_INS_TBNZ:
        branch(&form, BRANCH, arm64);
        form.writes = 0;
        break;
    case ARM64_INS_BR: form.operation = JUMP_INDIRECT; break;
    case ARM64_INS_RET: form.operation = RETURN; break;
    case ARM64_INS_SVC: form.operation = KERNEL; break;
    case ARM64_INS_BRK: case ARM64_INS_HLT: form.operation = STOP; break;
    default: form_of_arithmetic(&form, instruction->id, arm64); break;
    }
    if (form.operation != PLAIN && form.operation != LOAD && form.operation != STORE)
        form.writes &= ~register_bit(form.to);
    return form;
}

/* Calls, jumps and returns with pointer authentication, which Capstone 4 (Debian 12) does not know. */
bool arm64_mend(uint32_t word, struct form *form)
{
    struct form plain = { .operation = PLAIN, .length = 4, .to = NO_REGISTER, .from = NO_REGISTER,
                          .second = NO_REGISTER, .base = NO_REGISTER };
    uint32_t kind = word & 0xfffff800;
    if (word == 0xd65f0bff || word == 0xd65f0fff) /* retaa, retab */
        plain.operation = RETURN;
    else if (kind == 0xd63f0800 || kind == 0xd73f0800) /* blraa, blrab, blraaz, blrabz */
        plain.operation = CALL_INDIRECT, plain.writes = register_bit(30);
    else if (kind == 0xd61f0800 || kind == 0xd71f0800) /* braa, ... */
        plain.operation = JUMP_INDIRECT;
    else if (word >> 16 == 0) /* udf: what Go ends functions with */
        plain.operation = STOP;
    else if ((word & HINT_MASK) == HINT_WORD) /* nop, paciasp, bti, ... sign x30 or do nothing of interest */
        plain.flags = word == HINT_WORD ? IS_PADDING : 0;
    else
        return false;
    *form = plain;
    return true;
}
