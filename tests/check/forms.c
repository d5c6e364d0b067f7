/* SPDX-License-Identifier: MIT */
/*
 * forms.c: what decode keeps of an instruction is what Capstone says of each one: for all code of the files, the form kept
 * for its bytes is compared with the form of the instruction itself, and its target with Capstone's.
 *
 *     forms FILE...
 *
 * Proves that no encoding begins another, and that a form does not depend on displacements and immediates.
 */
#include <capstone/capstone.h>
#include <stdio.h>
#include <string.h>

#include "check/decode.h"
#include "elf/file.h"

static csh handle;
static cs_insn *instruction;
static uint64_t compared, different;

static bool direct(const struct cpu *cpu, const uint8_t *bytes, size_t available, struct form *form)
{
    const uint8_t *at = bytes;
    uint64_t address = 0;
    unsigned key_length;
    uint32_t word;
    if (cpu == &cpu_x86_64 ? x86_mend(bytes, available, form, &key_length)
                           : available >= 4 && (memcpy(&word, bytes, 4), arm64_mend(word, form)))
        return true;
    if (!cs_disasm_iter(handle, &at, &available, &address, instruction))
        return false;
    if (cpu == &cpu_x86_64) {
        *form = form_of_x86(handle, instruction);
    } else {
        memcpy(&word, bytes, 4);
        *form = form_of_arm64(handle, instruction, word);
    }
    return true;
}

static bool is_same(const struct form *a, const struct form *b)
{
    return a->operation == b->operation && a->length == b->length && a->flags == b->flags && a->to == b->to &&
           a->from == b->from && a->second == b->second && a->base == b->base && a->value_at == b->value_at &&
           a->value_size == b->value_size && a->shift == b->shift && a->size == b->size && a->before == b->before &&
           a->after == b->after && a->value == b->value && a->writes == b->writes;
}

/* A direct jump's or call's target, by Capstone, at address 0. */
static bool has_target(const struct cpu *cpu, int64_t *target)
{
    const cs_x86 *x86 = &instruction->detail->x86;
    const cs_arm64 *arm64 = &instruction->detail->arm64;
    *target = cpu == &cpu_x86_64 ? x86->operands[0].imm : arm64->operands[arm64->op_count - 1].imm;
    return true;
}

static void compare(const struct cpu *cpu, struct decoder *decoder, const uint8_t *bytes, size_t size)
{
    for (size_t offset = 0; offset < size;) {
        size_t available = size - offset < 15 ? size - offset : 15;
        struct form kept = *decode(decoder, bytes + offset, available), fresh;
        instruction->size = 0;
        if (kept.operation != BAD && direct(cpu, bytes + offset, available, &fresh)) {
            int64_t target;
            bool is_wrong = !is_same(&kept, &fresh);
            if ((kept.operation == CALL || kept.operation == JUMP || kept.operation == BRANCH) && instruction->size > 0 &&
                has_target(cpu, &target))
                is_wrong |= target != form_value(&kept, bytes + offset, 0);
            compared++;
            different += is_wrong;
            if (is_wrong && different <= 10)
                printf("%s: at 0x%zx: %s %s: operation %d, by itself %d\n", cpu->name, offset, instruction->mnemonic,
                       instruction->op_str, kept.operation, fresh.operation);
        }
        offset += kept.length;
    }
}

static int use(struct elf_file *file, void *argument)
{
    const struct cpu *cpu = cpu_of_machine(file->machine);
    struct decoder *decoder = decoder_open(cpu);
    (void)argument;
    bool is_x86 = cpu == &cpu_x86_64;
    if (decoder == NULL || cs_open(is_x86 ? CS_ARCH_X86 : CS_ARCH_ARM64, is_x86 ? CS_MODE_64 : CS_MODE_LITTLE_ENDIAN,
                                   &handle) != CS_ERR_OK)
        return -1;
    cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
    instruction = cs_malloc(handle);
    for (size_t i = 0; i < file->code.count; i++)
        compare(cpu, decoder, file->code.items[i].bytes, file->code.items[i].size);
    printf("%s: %llu instructions, %llu asked for\n", file->path, (unsigned long long)compared,
           (unsigned long long)decoder_misses(decoder));
    cs_free(instruction, 1);
    cs_close(&handle);
    decoder_close(decoder);
    return 0;
}

int main(int count, char **arguments)
{
    char error[ELF_ERROR_MAX];
    for (int i = 1; i < count; i++)
        if (elf_visit(arguments[i], use, NULL, error) != 0)
            return printf("%s\n", error), 1;
    printf("%llu compared, %llu different\n", (unsigned long long)compared, (unsigned long long)different);
    return different != 0 || compared == 0;
}
