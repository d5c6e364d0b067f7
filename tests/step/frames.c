/* SPDX-License-Identifier: MIT */
/*
 * frames.c: what the objects of the stepped program say: symbols, and CFI by elfutils' libdw.
 *
 * Objects are found in /proc/PID/maps, where qemu shows what it has mapped for the program at the same
 * addresses. On x86-64 the vdso is read out of memory; under qemu there is none, and the page from which
 * signal handlers return is known by its code, as unwinders know it.
 */
#include "target.h"

#include <elfutils/libdw.h>
#include <dwarf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OBJECTS_MOST = 16, SYMBOLS_MOST = 8192, ROWS = 1 << 16, STACK_MOST = 16 };
enum { ARM_SIGNAL_REGISTERS = 128 + 176 + 8 }; /* x0 to x30, sp, pc: their place in arm64's rt_sigframe */

struct cpu cpu;

static struct object {
    char path[4200];
    uint64_t low, high, bias;
    Elf *elf;
    Dwarf_CFI *eh, *debug;
} objects[OBJECTS_MOST];
static int object_count;

static struct symbol {
    const char *name;
    uint64_t low, high;
} symbols[SYMBOLS_MOST];
static int symbol_count;

static char program_path[4096];
static Elf *program_elf;
static int machine;
static const struct object *program; /* NULL before it is loaded */

/* ---- objects ---- */

static int compare_symbols(const void *a, const void *b)
{
    uint64_t left = ((const struct symbol *)a)->low, right = ((const struct symbol *)b)->low;
    return left < right ? -1 : left > right;
}

static void read_symbols(void)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(program_elf, section)) != NULL) {
        GElf_Shdr header;
        GElf_Sym symbol;
        gelf_getshdr(section, &header);
        if (header.sh_type != SHT_SYMTAB)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (size_t i = 0; i < header.sh_size / header.sh_entsize; i++) {
            gelf_getsym(data, (int)i, &symbol);
            int type = GELF_ST_TYPE(symbol.st_info);
            if ((type != STT_FUNC && type != STT_OBJECT) || symbol.st_size == 0 || symbol_count == SYMBOLS_MOST)
                continue;
            symbols[symbol_count++] = (struct symbol){ elf_strptr(program_elf, header.sh_link, symbol.st_name),
                                                       symbol.st_value, symbol.st_value + symbol.st_size };
        }
    }
    qsort(symbols, (size_t)symbol_count, sizeof *symbols, compare_symbols);
}

void program_open(const char *path)
{
    elf_version(EV_CURRENT);
    GElf_Ehdr header;
    if (realpath(path, program_path) == NULL)
        fail("%s: no such program", path);
    program_elf = elf_begin(open(program_path, O_RDONLY | O_CLOEXEC), ELF_C_READ_MMAP, NULL);
    if (program_elf == NULL || gelf_getehdr(program_elf, &header) == NULL)
        fail("%s: not an ELF file", path);
    machine = header.e_machine;
    if (machine == EM_AARCH64)
        cpu = (struct cpu){ true, ARM_PC, ARM_SP, ARM_FP, ARM_LR, 0, 0 };
    else
        cpu = (struct cpu){ false, X86_PC, X86_SP, X86_FP, X86_PC, 5, 0 };
    read_symbols();
}

/* The lowest address that the file wants. */
static uint64_t first_address(Elf *elf)
{
    size_t count = 0;
    elf_getphdrnum(elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        gelf_getphdr(elf, (int)i, &header);
        if (header.p_type == PT_LOAD)
            return header.p_vaddr / 4096 * 4096;
    }
    return 0;
}

static Elf *open_object(const char *path, uint64_t low, uint64_t high)
{
    GElf_Ehdr header;
    Elf *elf = NULL;
    if (path[0] == '/') {
        elf = elf_begin(open(path, O_RDONLY | O_CLOEXEC), ELF_C_READ_MMAP, NULL);
    } else if (strcmp(path, "[vdso]") == 0) {
        char *image = malloc(high - low);
        if (target_read(low, image, high - low))
            elf = elf_memory(image, high - low);
    }
    if (elf == NULL || gelf_getehdr(elf, &header) == NULL || header.e_machine != machine)
        return NULL;
    return elf;
}

static void add_mapping(const char *path, uint64_t low, uint64_t high)
{
    for (int i = 0; i < object_count; i++)
        if (strcmp(objects[i].path, path) == 0) {
            if (high > objects[i].high)
                objects[i].high = high;
            return;
        }
    Elf *elf = open_object(path, low, high);
    if (elf == NULL || object_count == OBJECTS_MOST)
        return;
    struct object *object = &objects[object_count++];
    *object = (struct object){ .low = low, .high = high, .bias = low - first_address(elf), .elf = elf };
    snprintf(object->path, sizeof object->path, "%s", path);
    object->eh = dwarf_getcfi_elf(elf);
    Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    object->debug = dwarf != NULL ? dwarf_getcfi(dwarf) : NULL;
    if (strcmp(path, program_path) == 0)
        program = object;
}

static void read_maps(void)
{
    char path[64], line[4400], name[4200];
    unsigned long long low, high, offset;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)target_process());
    FILE *maps = fopen(path, "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %4199s", &low, &high, &offset, name) == 4)
            add_mapping(name, low, high);
    if (maps != NULL)
        fclose(maps);
}

static const struct object *object_of(uint64_t address)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        for (int i = 0; i < object_count; i++)
            if (address >= objects[i].low && address < objects[i].high)
                return &objects[i];
        if (attempt == 0)
            read_maps();
    }
    return NULL;
}

bool program_has(uint64_t address)
{
    return program != NULL && address >= program->low && address < program->high;
}

uint64_t program_symbol(const char *name, uint64_t *size)
{
    if (program == NULL)
        read_maps();
    for (int i = 0; i < symbol_count && program != NULL; i++)
        if (strcmp(symbols[i].name, name) == 0) {
            if (size != NULL)
                *size = symbols[i].high - symbols[i].low;
            return symbols[i].low + program->bias;
        }
    return 0;
}

static const struct symbol *symbol_of(uint64_t address)
{
    for (int i = symbol_count; i-- > 0 && program_has(address);)
        if (address - program->bias >= symbols[i].low && address - program->bias <= symbols[i].high)
            return &symbols[i];
    return NULL;
}

const char *program_function(uint64_t address)
{
    static char text[8][128];
    static unsigned turn;
    char *where = text[turn++ % 8];
    snprintf(where, sizeof text[0], "0x%llx", (unsigned long long)address);
    if (!program_has(address)) {
        const struct object *object = object_of(address);
        const char *name = object != NULL ? strrchr(object->path, '/') : NULL;
        if (object != NULL)
            snprintf(where, sizeof text[0], "%.60s+0x%llx", name != NULL ? name + 1 : object->path,
                     (unsigned long long)(address - object->bias));
        return where;
    }
    const struct symbol *symbol = symbol_of(address);
    if (symbol != NULL)
        snprintf(where, sizeof text[0], "%.100s+0x%llx", symbol->name,
                 (unsigned long long)(address - program->bias - symbol->low));
    return where;
}

/* ---- expressions ---- */

/* What an expression computes: a value, the address of one, or a register's. */
enum place { PLACE_ADDRESS = 1, PLACE_VALUE, PLACE_REGISTER };

struct machine_stack {
    uint64_t word[STACK_MOST];
    int depth;
};

static uint64_t *top(struct machine_stack *stack, int below)
{
    if (stack->depth <= below)
        fail("a CFI expression takes from an empty stack");
    return &stack->word[stack->depth - 1 - below];
}

static void push(struct machine_stack *stack, uint64_t word)
{
    if (stack->depth == STACK_MOST)
        fail("a CFI expression is too deep");
    stack->word[stack->depth++] = word;
}

static void binary(struct machine_stack *stack, int operation)
{
    uint64_t right = *top(stack, 0), *left = top(stack, 1);
    switch (operation) {
    case DW_OP_plus: *left += right; break;
    case DW_OP_minus: *left -= right; break;
    case DW_OP_mul: *left *= right; break;
    case DW_OP_and: *left &= right; break;
    case DW_OP_shl: *left <<= right; break;
    case DW_OP_eq: *left = *left == right; break;
    case DW_OP_ge: *left = (int64_t)*left >= (int64_t)right; break;
    default: fail("CFI operation 0x%x is not known", operation);
    }
    stack->depth--;
}

static uint64_t evaluate(const Dwarf_Op *ops, size_t count, const struct registers *registers, uint64_t cfa,
                         enum place *place)
{
    struct machine_stack stack = { .depth = 0 };
    *place = PLACE_ADDRESS;
    for (size_t i = 0; i < count; i++) {
        int atom = ops[i].atom;
        if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
            push(&stack, registers->r[atom - DW_OP_breg0] + ops[i].number);
        else if (atom == DW_OP_bregx)
            push(&stack, registers->r[ops[i].number] + ops[i].number2);
        else if (atom >= DW_OP_reg0 && atom <= DW_OP_reg31) {
            push(&stack, registers->r[atom - DW_OP_reg0]);
            *place = PLACE_REGISTER;
        } else if (atom == DW_OP_regx) {
            push(&stack, registers->r[ops[i].number]);
            *place = PLACE_REGISTER;
        } else if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
            push(&stack, (uint64_t)(atom - DW_OP_lit0));
        else if (atom == DW_OP_call_frame_cfa)
            push(&stack, cfa);
        else if (atom == DW_OP_plus_uconst)
            *top(&stack, 0) += ops[i].number;
        else if (atom == DW_OP_deref)
            *top(&stack, 0) = target_word(*top(&stack, 0));
        else if (atom >= DW_OP_const1u && atom <= DW_OP_consts)
            push(&stack, ops[i].number);
        else if (atom == DW_OP_stack_value)
            *place = PLACE_VALUE;
        else
            binary(&stack, atom);
    }
    return *top(&stack, 0);
}

/* ---- frames ---- */

/* Rows once found; NULL in `frame` where there is none. */
static struct row {
    uint64_t address;
    Dwarf_Frame *frame;
    bool is_signal;
} rows[ROWS];

static const struct row *row_of(uint64_t address)
{
    struct row *row = &rows[(address ^ address >> 16) % ROWS];
    const struct object *object;
    if (row->address == address)
        return row;
    if (row->frame != NULL)
        free(row->frame);
    *row = (struct row){ .address = address };
    object = object_of(address);
    if (object == NULL)
        return row;
    bool is_found = object->eh != NULL && dwarf_cfi_addrframe(object->eh, address - object->bias, &row->frame) == 0;
    if (!is_found && object->debug != NULL)
        is_found = dwarf_cfi_addrframe(object->debug, address - object->bias, &row->frame) == 0;
    if (is_found)
        dwarf_frame_info(row->frame, NULL, NULL, &row->is_signal);
    else
        row->frame = NULL;
    return row;
}

/* Whether pc is at one of mov x8, #139; svc #0: arm64's return from a signal handler, where no object tells. */
static bool is_arm_signal_return(uint64_t pc)
{
    static const uint32_t wanted[2] = { 0xd2801168, 0xd4000001 };
    uint32_t code[2];
    for (int i = 0; i < 2; i++, pc -= 4)
        if (target_read(pc, code, sizeof code) && memcmp(code, wanted, sizeof code) == 0)
            return true;
    return false;
}

/* Signal frames, and stubs of linkage tables: to these the linker gives no CFI on arm64. */
static int arm_next_without_cfi(struct registers *registers, bool is_exact, bool *is_signal)
{
    uint64_t pc = registers->r[ARM_PC], frame = registers->r[ARM_SP];
    if (is_arm_signal_return(pc)) {
        for (int i = 0; i <= ARM_PC; i++)
            registers->r[i] = target_word(frame + ARM_SIGNAL_REGISTERS + 8 * (uint64_t)i);
        *is_signal = true;
        return 1;
    }
    if (!is_exact || object_of(pc) == NULL || symbol_of(pc) != NULL)
        return -1;
    registers->r[ARM_PC] = registers->r[ARM_LR];
    return 1;
}

/* False where the register is undefined. */
static bool restore(Dwarf_Frame *frame, int number, const struct registers *old, uint64_t cfa, uint64_t *value)
{
    Dwarf_Op memory[3], *ops;
    size_t count;
    enum place place;
    if (dwarf_frame_register(frame, number, memory, &ops, &count) != 0)
        return false;
    if (count == 0)
        return ops == NULL; /* the same value; else undefined */
    *value = evaluate(ops, count, old, cfa, &place);
    if (place == PLACE_ADDRESS)
        *value = target_word(*value);
    return true;
}

int frame_next(struct registers *registers, bool is_exact, bool *is_signal)
{
    struct registers old = *registers;
    const struct row *row = row_of(old.r[cpu.pc] - !is_exact);
    *is_signal = row->is_signal;
    if (row->frame == NULL && cpu.is_arm)
        return arm_next_without_cfi(registers, is_exact, is_signal);
    if (row->frame == NULL)
        return -1;
    Dwarf_Op *ops;
    size_t count;
    enum place place;
    if (dwarf_frame_cfa(row->frame, &ops, &count) != 0 || count == 0)
        return 0; /* no CFA: as far as it goes */
    uint64_t cfa = evaluate(ops, count, &old, 0, &place);
    int last = cpu.is_arm ? ARM_LR : X86_PC;
    for (int i = cpu.is_arm ? 19 : 0; i < last; i++)
        restore(row->frame, i, &old, cfa, &registers->r[i]);
    registers->r[cpu.sp] = cfa;
    uint64_t pc = old.r[cpu.ra];
    if (!restore(row->frame, cpu.ra, &old, cfa, &pc))
        return 0;
    registers->r[cpu.ra] = pc;
    registers->r[cpu.pc] = pc;
    return 1;
}
