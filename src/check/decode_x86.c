/* SPDX-License-Identifier: MIT */
/* decode_x86.c: what Capstone says of an x86-64 instruction, as a form. */
#include "check/decode.h"

#include <capstone/capstone.h>

/* DWARF's number of a general register of any width. */
static uint8_t number_of(unsigned name)
{
    switch (name) {
#define NAMES(number, b, h, w, d, q) case b: case h: case w: case d: case q: return number;
        NAMES(0, X86_REG_AL, X86_REG_AH, X86_REG_AX, X86_REG_EAX, X86_REG_RAX)
        NAMES(1, X86_REG_DL, X86_REG_DH, X86_REG_DX, X86_REG_EDX, X86_REG_RDX)
        NAMES(2, X86_REG_CL, X86_REG_CH, X86_REG_CX, X86_REG_ECX, X86_REG_RCX)
        NAMES(3, X86_REG_BL, X86_REG_BH, X86_REG_BX, X86_REG_EBX, X86_REG_RBX)
#undef NAMES
#define NAMES(number, b, w, d, q) case b: case w: case d: case q: return number;
        NAMES(4, X86_REG_SIL, X86_REG_SI, X86_REG_ESI, X86_REG_RSI)
        NAMES(5, X86_REG_DIL, X86_REG_DI, X86_REG_EDI, X86_REG_RDI)
        NAMES(6, X86_REG_BPL, X86_REG_BP, X86_REG_EBP, X86_REG_RBP)
        NAMES(7, X86_REG_SPL, X86_REG_SP, X86_REG_ESP, X86_REG_RSP)
        NAMES(8, X86_REG_R8B, X86_REG_R8W, X86_REG_R8D, X86_REG_R8)
        NAMES(9, X86_REG_R9B, X86_REG_R9W, X86_REG_R9D, X86_REG_R9)
        NAMES(10, X86_REG_R10B, X86_REG_R10W, X86_REG_R10D, X86_REG_R10)
        NAMES(11, X86_REG_R11B, X86_REG_R11W, X86_REG_R11D, X86_REG_R11)
        NAMES(12, X86_REG_R12B, X86_REG_R12W, X86_REG_R12D, X86_REG_R12)
        NAMES(13, X86_REG_R13B, X86_REG_R13W, X86_REG_R13D, X86_REG_R13)
        NAMES(14, X86_REG_R14B, X86_REG_R14W, X86_REG_R14D, X86_REG_R14)
        NAMES(15, X86_REG_R15B, X86_REG_R15W, X86_REG_R15D, X86_REG_R15)
#undef NAMES
    default:
        return NO_REGISTER;
    }
}

static uint32_t written_by(size_t handle, const cs_insn *instruction)
{
    cs_regs read, written;
    uint8_t read_count, written_count;
    uint32_t mask = 0;
    if (cs_regs_access(handle, instruction, read, &read_count, written, &written_count) == CS_ERR_OK)
        for (int i = 0; i < written_count; i++)
            mask |= register_bit(number_of(written[i]));
    const cs_x86 *x86 = &instruction->detail->x86; /* some entries of the library's table of accesses are empty */
    if (x86->op_count > 0 && x86->operands[0].type == X86_OP_REG && (x86->operands[0].access & CS_AC_WRITE))
        mask |= register_bit(number_of(x86->operands[0].reg));
    if (instruction->id == X86_INS_SYSCALL)
        mask |= register_bit(0) | register_bit(2) | register_bit(11);
    return mask;
}

static bool has_register(const cs_x86_op *operand)
{
    return operand->type == X86_OP_REG && operand->size == 8 && number_of(operand->reg) != NO_REGISTER;
}

static void value_from_displacement(struct form *form, const cs_x86 *x86)
{
    form->value_at = x86->encoding.disp_offset;
    form->value_size = x86->encoding.disp_size;
}

static void value_from_immediate(struct form *form, const cs_x86 *x86)
{
    form->value_at = x86->encoding.imm_offset;
    form->value_size = x86->encoding.imm_size;
}

/* The memory operand's base, or nothing for absolute and thread-local ones. */
static void address_of(struct form *form, const cs_x86_op *operand)
{
    form->base = number_of(operand->mem.base);
    if (operand->mem.index != X86_REG_INVALID && operand->mem.index != X86_REG_RIZ)
        form->flags |= HAS_INDEX;
    if (operand->mem.base == X86_REG_RIP)
        form->flags |= ADDRESSES_PC;
    if (form->base == cpu_x86_64.sp || form->base == cpu_x86_64.fp)
        form->flags |= TOUCHES_STACK;
}

static void jump(struct form *form, enum operation direct, const cs_x86 *x86)
{
    form->operation = direct;
    form->flags |= ADDRESSES_PC;
    value_from_immediate(form, x86);
    if (form->value_size == 0) { /* the library says no place: it is the last bytes */
        form->value_size = form->length == 2 ? 1 : 4;
        form->value_at = form->length - form->value_size;
    }
}

static void jump_indirect(struct form *form, enum operation operation, const cs_x86_op *operand, const cs_x86 *x86)
{
    form->operation = operation;
    if (operand->type != X86_OP_MEM)
        return;
    address_of(form, operand);
    value_from_displacement(form, x86);
    if (form->flags & HAS_INDEX)
        form->flags |= IS_TABLE_JUMP;
}

/* fs:0 holds its own address. */
static void form_of_thread_access(struct form *form, const cs_x86_op *to, const cs_x86_op *from, const cs_x86 *x86)
{
    if (from->mem.base != X86_REG_INVALID || (form->flags & HAS_INDEX))
        return;
    form->operation = THREAD_BASE;
    form->to = number_of(to->reg);
    value_from_displacement(form, x86);
}

static void form_of_move(struct form *form, const cs_x86 *x86)
{
    const cs_x86_op *to = &x86->operands[0], *from = &x86->operands[1];
    if (has_register(to) && has_register(from)) {
        form->operation = MOVE;
        form->to = number_of(to->reg);
        form->from = number_of(from->reg);
    } else if (to->type == X86_OP_REG && number_of(to->reg) != NO_REGISTER && from->type == X86_OP_IMM && to->size >= 4) {
        form->operation = CONSTANT;
        form->to = number_of(to->reg);
        value_from_immediate(form, x86);
    } else if (has_register(to) && from->type == X86_OP_MEM) {
        if (from->mem.segment == X86_REG_FS) { /* fs:0 holds its own address */
            form_of_thread_access(form, to, from, x86);
            return;
        }
        form->operation = LOAD;
        form->to = number_of(to->reg);
        value_from_displacement(form, x86);
    } else if (to->type == X86_OP_MEM) {
        form->operation = STORE;
        form->from = has_register(from) ? number_of(from->reg) : NO_REGISTER;
        form->flags |= to->size == 8 ? 0 : IS_NARROW;
        form->size = to->size;
        value_from_displacement(form, x86);
    }
}

/* lea, add, sub, and: arithmetic on addresses. */
static void form_of_arithmetic(struct form *form, unsigned id, const cs_x86 *x86)
{
    const cs_x86_op *to = &x86->operands[0], *from = &x86->operands[1];
    if (!has_register(to))
        return;
    form->to = form->from = number_of(to->reg);
    if (id == X86_INS_LEA && from->mem.base == X86_REG_RIP) {
        form->operation = ADDRESS;
        value_from_displacement(form, x86);
    } else if (id == X86_INS_LEA) {
        form->from = number_of(from->mem.base);
        if (x86->addr_size != 8)
            return;
        form->operation = form->flags & HAS_INDEX ? ADD_REGISTER : ADD; /* with an index: somewhere */
        form->second = number_of(from->mem.index);
        form->flags &= ~TOUCHES_STACK;
        value_from_displacement(form, x86);
    } else if (from->type == X86_OP_IMM) {
        form->operation = id == X86_INS_AND ? ALIGN : ADD;
        form->flags |= id == X86_INS_SUB ? IS_NEGATIVE : 0;
        value_from_immediate(form, x86);
    } else if (from->type == X86_OP_MEM && from->mem.segment == X86_REG_FS && id == X86_INS_ADD) {
        form_of_thread_access(form, to, from, x86);
    } else if (has_register(from) && id != X86_INS_AND) {
        form->operation = id == X86_INS_ADD ? ADD_REGISTER : SUBTRACT_REGISTER;
        form->second = number_of(from->reg);
    }
}

static void form_of_push(struct form *form, const cs_x86 *x86)
{
    const cs_x86_op *what = &x86->operands[0];
    if (what->type == X86_OP_MEM && what->size == 8) {
        form->operation = PUSH_MEMORY;
        value_from_displacement(form, x86);
        form->flags |= TOUCHES_STACK;
        if (what->mem.segment == X86_REG_FS)
            form->base = NO_REGISTER;
        return;
    }
    form->operation = STORE;
    form->from = has_register(what) ? number_of(what->reg) : NO_REGISTER;
    form->base = cpu_x86_64.sp;
    form->before = what->size == 2 && what->type != X86_OP_IMM && what->reg != X86_REG_FS && what->reg != X86_REG_GS
                       ? -2 : -8;
    form->size = -form->before;
    form->flags |= TOUCHES_STACK;
}

static void form_of_pop(struct form *form, const cs_x86 *x86)
{
    const cs_x86_op *to = &x86->operands[0];
    form->operation = LOAD;
    form->to = has_register(to) ? number_of(to->reg) : NO_REGISTER;
    form->base = cpu_x86_64.sp;
    form->flags &= ~HAS_INDEX;
    form->after = to->size == 2 && to->reg != X86_REG_FS && to->reg != X86_REG_GS ? 2 : 8;
}

static bool is_in_group(const cs_insn *instruction, uint8_t group)
{
    for (int i = 0; i < instruction->detail->groups_count; i++)
        if (instruction->detail->groups[i] == group)
            return true;
    return false;
}

static bool is_padding(unsigned id)
{
    return id == X86_INS_NOP || id == X86_INS_INT3;
}

/* A push or pop of the flags, which no register holds. */
static struct form form_of_flags(const struct form *form, bool is_push)
{
    return (struct form){ .operation = is_push ? STORE : LOAD, .length = form->length, .to = NO_REGISTER,
                          .from = NO_REGISTER, .second = NO_REGISTER, .base = cpu_x86_64.sp, .size = 8,
                          .before = is_push ? -8 : 0, .after = is_push ? 0 : 8, .flags = is_push ? TOUCHES_STACK : 0 };
}

/* xor and sub of a register with itself: zero. */
static bool is_zeroing(const cs_insn *instruction)
{
    const cs_x86_op *operands = instruction->detail->x86.operands;
    return (instruction->id == X86_INS_XOR || instruction->id == X86_INS_SUB) && operands[0].type == X86_OP_REG &&
           operands[1].type == X86_OP_REG && operands[0].reg == operands[1].reg && operands[0].size >= 4;
}

/* What moves values between registers and the stack. */
static void form_of_data(struct form *form, const cs_insn *instruction)
{
    const cs_x86 *x86 = &instruction->detail->x86;
    if (is_zeroing(instruction)) {
        form->operation = CONSTANT;
        form->to = number_of(x86->operands[0].reg);
        return;
    }
    switch (instruction->id) {
    case X86_INS_MOV: case X86_INS_MOVABS: form_of_move(form, x86); break;
    case X86_INS_XCHG:
        if (has_register(&x86->operands[0]) && has_register(&x86->operands[1])) {
            form->operation = EXCHANGE;
            form->to = number_of(x86->operands[0].reg);
            form->from = number_of(x86->operands[1].reg);
            form->writes = 0;
        }
        break;
    case X86_INS_LEA: case X86_INS_ADD: case X86_INS_SUB: case X86_INS_AND:
        form_of_arithmetic(form, instruction->id, x86);
        break;
    case X86_INS_PUSH: form_of_push(form, x86); break;
    case X86_INS_POP: form_of_pop(form, x86); break;
    case X86_INS_PUSHFQ: case X86_INS_POPFQ: *form = form_of_flags(form, instruction->id == X86_INS_PUSHFQ); break;
    case X86_INS_LEAVE: form->operation = LEAVE; break;
    case X86_INS_ENTER:
        form->operation = ENTER;
        form->value_at = 1;
        form->value_size = 2;
        break;
    default: break;
    }
}

/* What goes elsewhere. */
static void form_of_control(struct form *form, const cs_insn *instruction)
{
    const cs_x86 *x86 = &instruction->detail->x86;
    const cs_x86_op *first = &x86->operands[0];
    bool is_direct = first->type == X86_OP_IMM;
    switch (instruction->id) {
    case X86_INS_RET: case X86_INS_RETF: case X86_INS_RETFQ: case X86_INS_IRETQ: case X86_INS_SYSRET:
        form->operation = RETURN;
        break;
    case X86_INS_HLT: case X86_INS_UD2: case X86_INS_INT3:
        form->operation = STOP;
        break;
    case X86_INS_SYSCALL:
        form->operation = KERNEL;
        break;
    case X86_INS_CALL:
        is_direct ? jump(form, CALL, x86) : jump_indirect(form, CALL_INDIRECT, first, x86);
        break;
    case X86_INS_JMP:
        is_direct ? jump(form, JUMP, x86) : jump_indirect(form, JUMP_INDIRECT, first, x86);
        break;
    default:
        if (is_direct && x86->op_count == 1 &&
            (is_in_group(instruction, X86_GRP_JUMP) || instruction->id == X86_INS_XBEGIN))
            jump(form, BRANCH, x86);
        break;
    }
}

struct form form_of_x86(size_t handle, const cs_insn *instruction)
{
    const cs_x86 *x86 = &instruction->detail->x86;
    struct form form = { .operation = PLAIN, .length = instruction->size, .to = NO_REGISTER, .from = NO_REGISTER,
                         .second = NO_REGISTER, .base = NO_REGISTER,
                         .flags = is_padding(instruction->id) ? IS_PADDING : 0 };
    form.writes = written_by(handle, instruction);
    for (int i = 0; i < x86->op_count; i++)
        if (x86->operands[i].type == X86_OP_MEM && instruction->id != X86_INS_NOP)
            address_of(&form, &x86->operands[i]);
    form_of_data(&form, instruction);
    if (form.operation == PLAIN)
        form_of_control(&form, instruction);
    if (form.operation != PLAIN) /* said by the operation itself */
        form.writes &= ~(register_bit(form.to) | register_bit(cpu_x86_64.sp));
    if (form.operation == LEAVE || form.operation == ENTER)
        form.writes = 0;
    if (form.operation == STORE && form.before == 0 && form.flags & HAS_INDEX)
        form.from = NO_REGISTER;
    return form;
}

static bool has_immediate(unsigned map, uint8_t opcode)
{
    return map == 3 || (map == 1 && ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 ||
                                     (opcode >= 0xc4 && opcode <= 0xc6)));
}

/*
 * A vector instruction that the library is too old for (AVX-512 of bytes, VAES, GFNI, IFMA, ...): its length follows
 * from the encoding. Of general registers such change only what a mask or the count of one is moved to.
 */
bool x86_vector(const uint8_t *bytes, size_t available, struct form *form)
{
    size_t at = bytes[0] == 0x62 ? 4 : bytes[0] == 0xc4 ? 3 : bytes[0] == 0xc5 ? 2 : 0; /* EVEX, VEX */
    if (at == 0 || available < at + 2)
        return false;
    unsigned map = bytes[0] == 0xc5 ? 1 : bytes[1] & (bytes[0] == 0x62 ? 7 : 31);
    unsigned operand = bytes[at + 1], mode = operand >> 6;
    size_t length = at + 2;
    if (map < 1 || map > 3)
        return false;
    bool has_scale = mode != 3 && (operand & 7) == 4;
    if (has_scale && available <= length)
        return false;
    bool has_no_base = mode == 0 && ((operand & 7) == 5 || (has_scale && (bytes[length] & 7) == 5));
    length += has_scale + (mode == 1 ? 1 : mode == 2 || has_no_base ? 4 : 0) + has_immediate(map, bytes[at]);
    *form = (struct form){ .operation = PLAIN, .length = length, .to = NO_REGISTER, .from = NO_REGISTER,
                           .second = NO_REGISTER, .base = NO_REGISTER };
    if (map == 1 && bytes[at] == 0x93 && bytes[0] != 0x62) { /* kmov to a general register; R is inverted */
        static const uint8_t numbers[] = { 0, 2, 1, 3, 7, 6, 4, 5 };
        uint8_t code = operand >> 3 & 7;
        form->writes = register_bit(bytes[1] & 0x80 ? numbers[code] : 8 + code);
    }
    return length <= available;
}

/*
 * Capstone 4 (Debian 12) does not know rdssp, incssp and rdpkru, takes 0x66 before a near call or jump for a short operand,
 * as no CPU does that Linux runs on in 64-bit mode by Intel, and gives two immediates of enter as one.
 */
bool x86_mend(const uint8_t *bytes, size_t available, struct form *form, unsigned *key_length)
{
    struct form plain = { .operation = PLAIN, .to = NO_REGISTER, .from = NO_REGISTER, .second = NO_REGISTER,
                          .base = NO_REGISTER };
    size_t i = 0;
    bool has_short_operand = false, has_rep = false, has_rex = false;
    while (i < available && (bytes[i] == 0x66 || bytes[i] == 0xf3 || bytes[i] == 0xf2)) {
        has_short_operand |= bytes[i] == 0x66;
        has_rep |= bytes[i] == 0xf3;
        i++;
    }
    if (i < available && (bytes[i] & 0xf0) == 0x40)
        i++, has_rex = true;
    if (i + 5 <= available && (bytes[i] == 0xe8 || bytes[i] == 0xe9) && (has_short_operand || has_rex)) {
        plain.operation = bytes[i] == 0xe8 ? CALL : JUMP;
        plain.flags = ADDRESSES_PC;
        plain.value_at = i + 1;
        plain.value_size = 4;
        plain.length = i + 5;
        *key_length = i + 1;
    } else if (i + 3 <= available && has_rep && bytes[i] == 0x0f &&
               ((bytes[i + 1] == 0x1e && bytes[i + 2] >= 0xc8 && bytes[i + 2] < 0xd0) ||
                (bytes[i + 1] == 0xae && bytes[i + 2] >= 0xe8 && bytes[i + 2] < 0xf0))) {
        static const uint8_t numbers[] = { 0, 2, 1, 3, 7, 6, 4, 5 };
        uint8_t code = bytes[i + 2] & 7;
        if (bytes[i + 1] == 0x1e) /* rdssp: B of REX picks r8-r15 */
            plain.writes = register_bit(has_rex && (bytes[i - 1] & 1) ? 8 + code : numbers[code]);
        plain.length = *key_length = i + 3;
    } else if (available >= 3 && bytes[0] == 0x0f && bytes[1] == 0x01 && (bytes[2] == 0xee || bytes[2] == 0xef)) {
        plain.writes = register_bit(0) | register_bit(1);
        plain.length = *key_length = 3;
    } else {
        return false;
    }
    *form = plain;
    return true;
}
