/* SPDX-License-Identifier: MIT */
/*
 * imports.c: a stub jumps through a word that a dynamic relocation names.
 *
 * x86-64's stubs hold `jmp *word(%rip)`, arm64's `adrp x16, page; ldr x17, [x16, #low]`. All stubs of .plt, .plt.sec
 * and .plt.got have this in common, whatever else the linker has put around it.
 */
#include "elf/imports.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "elf/array.h"

/* ---- relocations, of any section ---- */

/* The address of a symbol of a relocatable file, or 0 if it is neither in code nor in a table of landing pads. */
static uint64_t symbol_address(const struct elf_file *file, const GElf_Sym *symbol)
{
    const struct elf_section *section = elf_section_numbered(&file->code, symbol->st_shndx);
    if (section == NULL)
        section = elf_section_numbered(&file->tables, symbol->st_shndx);
    return section == NULL ? 0 : section->address + symbol->st_value;
}

static bool is_call_operand(const struct elf_file *file, unsigned type)
{
    return file->machine == EM_X86_64 && (type == R_X86_64_PC32 || type == R_X86_64_PLT32);
}

/* The relocations of one section: with dynamic symbols, names alone; else what they stand for. */
static int read_table(const struct elf_file *file, Elf_Scn *scn, const GElf_Shdr *header, uint64_t base,
                      struct elf_relocations *relocations)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    GElf_Shdr symbols_header;
    Elf_Scn *symbols_scn = elf_getscn(file->elf, header->sh_link);
    if (data == NULL || symbols_scn == NULL || gelf_getshdr(symbols_scn, &symbols_header) == NULL)
        return 0;
    Elf_Data *symbols = elf_getdata(symbols_scn, NULL);
    size_t number = data->d_size / sizeof(Elf64_Rela);
    if (!array_reserve(&relocations->items, &relocations->room, relocations->count + number, sizeof *relocations->items))
        return -ENOMEM;
    for (size_t i = 0; i < number; i++) {
        GElf_Rela rela;
        GElf_Sym symbol;
        if (gelf_getrela(data, i, &rela) == NULL || symbols == NULL ||
            (GELF_R_SYM(rela.r_info) == 0 && file->type != ET_REL) || /* most of a library's have none */
            gelf_getsym(symbols, GELF_R_SYM(rela.r_info), &symbol) == NULL)
            continue;
        struct elf_relocation relocation = { .address = base + rela.r_offset };
        if (file->type == ET_REL) {
            uint64_t address = symbol_address(file, &symbol);
            if (address != 0)
                relocation.target = address + rela.r_addend + (is_call_operand(file, GELF_R_TYPE(rela.r_info)) ? 4 : 0);
        }
        if (symbol.st_name != 0)
            relocation.name = elf_strptr(file->elf, symbols_header.sh_link, symbol.st_name);
        relocations->items[relocations->count++] = relocation;
    }
    return 0;
}

int elf_relocations_read(const struct elf_file *file, unsigned wanted, struct elf_relocations *relocations)
{
    Elf_Scn *scn = NULL;
    int error = 0;
    while (error == 0 && (scn = elf_nextscn(file->elf, scn)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) == NULL || header.sh_type != SHT_RELA)
            continue;
        const struct elf_section *code = wanted == 0 ? elf_section_numbered(&file->code, header.sh_info) : NULL;
        if (code != NULL || (wanted != 0 && header.sh_info == wanted))
            error = read_table(file, scn, &header, code != NULL ? code->address : 0, relocations);
    }
    array_sort(relocations->items, relocations->count, sizeof *relocations->items);
    return error;
}

const struct elf_relocation *elf_relocation_in(const struct elf_file *file, uint64_t from, uint64_t to)
{
    const struct elf_relocations *all = &file->relocations;
    size_t first = array_from(all->items, all->count, sizeof *all->items, from);
    return first < all->count && all->items[first].address < to ? &all->items[first] : NULL;
}

/* ---- a linked file's stubs ---- */

static int64_t sign_extend(uint64_t value, int bits)
{
    return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

/* The word that the stub at address jumps through; 0 if it is no stub. Sets its length. */
static uint64_t stub_word_x86(const uint8_t *bytes, size_t available, uint64_t address)
{
    for (size_t i = 0; i + 6 <= available && i <= 6; i++) {
        int32_t displacement;
        if (bytes[i] != 0xff || bytes[i + 1] != 0x25)
            continue;
        memcpy(&displacement, bytes + i + 2, sizeof displacement);
        return address + i + 6 + displacement;
    }
    return 0;
}

static uint64_t stub_word_arm64(const uint8_t *bytes, size_t available, uint64_t address)
{
    for (size_t i = 0; i + 8 <= available && i <= 4; i += 4) {
        uint32_t first, second;
        memcpy(&first, bytes + i, 4);
        memcpy(&second, bytes + i + 4, 4);
        if ((first & 0x9f00001f) != 0x90000010 || (second & 0xffc003ff) != 0xf9400211)
            continue;
        uint64_t page = sign_extend((first >> 5 & 0x7ffff) << 2 | (first >> 29 & 3), 21) * 4096;
        return ((address + i) & ~4095ull) + page + (second >> 10 & 0xfff) * 8;
    }
    return 0;
}

static const char *name_of_word(const struct elf_relocations *words, uint64_t address)
{
    const struct elf_relocation *found = array_find(words->items, words->count, sizeof *found, address);
    return found != NULL ? found->name : NULL;
}

static int add_import(struct elf_file *file, uint64_t address, const char *name)
{
    if (!array_reserve(&file->imports, &file->import_room, file->import_count + 1, sizeof *file->imports))
        return -ENOMEM;
    file->imports[file->import_count++] = (struct elf_import){ .address = address, .name = name };
    return 0;
}

static int read_stubs(struct elf_file *file, const struct elf_section *section, const struct elf_relocations *words)
{
    for (uint64_t offset = 0; offset + 8 <= section->size; offset += 8) {
        uint64_t address = section->address + offset;
        size_t available = section->size - offset < 16 ? section->size - offset : 16;
        const uint8_t *bytes = section->bytes + offset;
        uint64_t word = file->machine == EM_X86_64 ? stub_word_x86(bytes, available, address)
                                                   : stub_word_arm64(bytes, available, address);
        const char *name = word == 0 ? NULL : name_of_word(words, word);
        int error = name == NULL ? 0 : add_import(file, address, name);
        if (error != 0)
            return error;
    }
    return 0;
}

int elf_read_imports(struct elf_file *file)
{
    struct elf_relocations words = { 0 };
    Elf_Scn *scn = NULL;
    int error = 0;
    while (error == 0 && (scn = elf_nextscn(file->elf, scn)) != NULL) {
        GElf_Shdr header, symbols;
        Elf_Scn *symbols_scn;
        if (gelf_getshdr(scn, &header) == NULL || header.sh_type != SHT_RELA ||
            (symbols_scn = elf_getscn(file->elf, header.sh_link)) == NULL ||
            gelf_getshdr(symbols_scn, &symbols) == NULL || symbols.sh_type != SHT_DYNSYM)
            continue;
        error = read_table(file, scn, &header, 0, &words);
    }
    if (error == 0 && words.count > 0) {
        array_sort(words.items, words.count, sizeof *words.items);
        for (size_t i = 0; error == 0 && i < file->code.count; i++)
            if (file->code.items[i].is_stubs)
                error = read_stubs(file, &file->code.items[i], &words);
    }
    free(words.items);
    return error;
}

const char *elf_import_name(const struct elf_file *file, uint64_t address)
{
    const struct elf_import *found = array_find(file->imports, file->import_count, sizeof *found, address);
    return found != NULL ? found->name : NULL;
}
