/* SPDX-License-Identifier: MIT */
/*
 * file.c: opens ELF files and archives, and finds code and functions in them.
 *
 * Functions come from symbols (.symtab, or .dynsym and what debug_file.c finds) and from the ranges of call frame
 * information, so that stripped files have theirs too. Where both begin at one address they are one
 * function. A range without a symbol that begins with a frame already made (its CFA is not that of an entry) is a
 * part split off.
 */
#define _GNU_SOURCE
#include "elf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf/array.h"
#include "elf/cfi.h"
#include "elf/debug_file.h"
#include "elf/imports.h"

enum { OBJECT_BASE = 0x10000, OBJECT_ALIGN = 4096 };

static int fail(char error[ELF_ERROR_MAX], int code, const char *path, const char *sentence)
{
    snprintf(error, ELF_ERROR_MAX, "%s: %s", path, sentence);
    return -code;
}

/* ---- sections ---- */

static bool is_table(const char *name)
{
    return name != NULL && strncmp(name, ".gcc_except_table", 17) == 0;
}

static bool is_stubs(const char *name)
{
    return name != NULL && (strncmp(name, ".plt", 4) == 0 || strncmp(name, ".iplt", 5) == 0);
}

static int add_section(struct elf_sections *sections, struct elf_section section)
{
    if (section.size == 0 || section.bytes == NULL || section.address + section.size < section.address)
        return 0;
    if (!array_reserve(&sections->items, &sections->room, sections->count + 1, sizeof section))
        return -ENOMEM;
    sections->items[sections->count++] = section;
    return 0;
}

static int read_sections(struct elf_file *file)
{
    size_t names = 0;
    uint64_t next = OBJECT_BASE; /* in relocatable files */
    Elf_Scn *scn = NULL;
    int error = 0;
    if (elf_getshdrstrndx(file->elf, &names) != 0)
        return 0;
    while (error == 0 && (scn = elf_nextscn(file->elf, scn)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) == NULL || header.sh_type != SHT_PROGBITS || !(header.sh_flags & SHF_ALLOC))
            continue;
        const char *name = elf_strptr(file->elf, names, header.sh_name);
        file->is_go |= name != NULL && strcmp(name, ".gopclntab") == 0;
        bool is_code = (header.sh_flags & SHF_EXECINSTR) != 0;
        Elf_Data *data = is_code || is_table(name) ? elf_rawdata(scn, NULL) : NULL;
        if (data == NULL)
            continue;
        struct elf_section section = { .address = header.sh_addr, .size = data->d_size, .bytes = data->d_buf,
                                       .index = elf_ndxscn(scn), .is_stubs = is_stubs(name) };
        if (file->type == ET_REL) {
            section.address = next;
            next = round_up(next + data->d_size, OBJECT_ALIGN) + OBJECT_ALIGN;
        }
        error = add_section(is_code ? &file->code : &file->tables, section);
    }
    return error;
}

/* Without section headers, the loaded segments that may be executed. */
static int read_segments(struct elf_file *file)
{
    size_t count = 0, size = 0;
    if (elf_getphdrnum(file->elf, &count) != 0)
        return 0;
    const uint8_t *bytes = (const uint8_t *)elf_rawfile(file->elf, &size);
    for (size_t i = 0; bytes != NULL && i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(file->elf, i, &header) == NULL || header.p_type != PT_LOAD || !(header.p_flags & PF_X) ||
            header.p_offset > size || header.p_filesz > size - header.p_offset)
            continue;
        int error = add_section(&file->code, (struct elf_section){ .address = header.p_vaddr, .size = header.p_filesz,
                                                                   .bytes = bytes + header.p_offset });
        if (error != 0)
            return error;
    }
    return 0;
}

static void sort_sections(struct elf_sections *sections)
{
    array_sort(sections->items, sections->count, sizeof *sections->items);
}

const struct elf_section *elf_section_at(const struct elf_sections *sections, uint64_t address)
{
    size_t next = array_upto(sections->items, sections->count, sizeof *sections->items, address);
    const struct elf_section *section = next == 0 ? NULL : &sections->items[next - 1];
    return section != NULL && address - section->address < section->size ? section : NULL;
}

const struct elf_section *elf_section_numbered(const struct elf_sections *sections, unsigned index)
{
    size_t low = 0, high = sections->count; /* in the order of their numbers, since their addresses were given so */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sections->items[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sections->count && sections->items[low].index == index ? &sections->items[low] : NULL;
}

/* ---- functions ---- */

struct found { /* functions while they are collected */
    struct elf_function *functions;
    size_t count, room;
};

static int add_function(struct found *found, struct elf_function function)
{
    if (!array_reserve(&found->functions, &found->room, found->count + 1, sizeof function))
        return -ENOMEM;
    found->functions[found->count++] = function;
    return 0;
}

static bool is_mapping_symbol(const char *name)
{
    return name[0] == '$' && (name[1] == 'x' || name[1] == 'd') && (name[2] == '\0' || name[2] == '.');
}

static int add_symbol(struct elf_file *file, struct found *found, const GElf_Sym *symbol, const char *name)
{
    unsigned type = GELF_ST_TYPE(symbol->st_info);
    bool is_typed = type == STT_FUNC || type == STT_GNU_IFUNC;
    if (symbol->st_shndx == SHN_UNDEF || name == NULL || (!is_typed && type != STT_NOTYPE))
        return 0;
    const struct elf_section *section = file->type == ET_REL ? elf_section_numbered(&file->code, symbol->st_shndx)
                                                             : elf_section_at(&file->code, symbol->st_value);
    uint64_t address = symbol->st_value + (file->type == ET_REL && section != NULL ? section->address : 0);
    if (section == NULL || section->is_stubs || address - section->address >= section->size)
        return 0;
    if (file->machine == EM_AARCH64 && symbol->st_size > 0 && symbol->st_size < 4)
        return 0; /* a mark of Go's linker: no instruction fits */
    if (!is_typed && (name[0] == '\0' || name[0] == '.' || is_mapping_symbol(name) ||
                      (symbol->st_size == 0 && GELF_ST_BIND(symbol->st_info) == STB_LOCAL)))
        return 0;
    uint64_t room = section->address + section->size - address;
    uint32_t flags = FUNCTION_HAS_SYMBOL | (is_typed ? 0 : FUNCTION_IS_LABEL) |
                     (GELF_ST_BIND(symbol->st_info) != STB_LOCAL ? FUNCTION_IS_GLOBAL : 0);
    if (strstr(name, ".cold") != NULL || strstr(name, ".warm") != NULL) /* gcc and LLVM; BOLT */
        flags |= FUNCTION_IS_PART;
    return add_function(found, (struct elf_function){
        .start = address, .end = symbol->st_size == 0 ? 0 : address + (symbol->st_size < room ? symbol->st_size : room),
        .name = name, .flags = flags, .section = section - file->code.items });
}

static int read_symbols(struct elf_file *file, Elf *elf, unsigned type, struct found *found)
{
    Elf_Scn *scn = elf_section_of_type(elf, type);
    GElf_Shdr header;
    if (scn == NULL || gelf_getshdr(scn, &header) == NULL)
        return 0;
    Elf_Data *data = elf_getdata(scn, NULL);
    Elf_Scn *string_scn = elf_getscn(elf, header.sh_link);
    Elf_Data *strings = string_scn == NULL ? NULL : elf_getdata(string_scn, NULL);
    if (data == NULL || strings == NULL || strings->d_buf == NULL || strings->d_size == 0 ||
        ((const char *)strings->d_buf)[strings->d_size - 1] != '\0')
        return 0;
    for (size_t i = 1; i < data->d_size / sizeof(Elf64_Sym); i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, i, &symbol) == NULL)
            continue;
        const char *name = symbol.st_name < strings->d_size ? (const char *)strings->d_buf + symbol.st_name : NULL;
        int error = add_symbol(file, found, &symbol, name);
        if (error != 0)
            return error;
    }
    return 0;
}

static int add_ranges(struct elf_file *file, struct found *found)
{
    for (size_t i = 0; i < file->range_count; i++) {
        const struct elf_range *range = &file->ranges[i];
        const struct elf_section *section = elf_section_at(&file->code, range->start);
        if (section == NULL || section->is_stubs || range->end - section->address > section->size)
            continue;
        struct elf_function function = { .start = range->start, .end = range->end, .flags = FUNCTION_HAS_CFI,
                                         .section = section - file->code.items };
        int error = add_function(found, function);
        if (error != 0)
            return error;
    }
    return 0;
}

/* By address; of those that share one, the best name first: global, typed, then in alphabetical order. */
static int function_order(const void *a, const void *b)
{
    const struct elf_function *left = *(const struct elf_function *const *)a;
    const struct elf_function *right = *(const struct elf_function *const *)b;
    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    uint32_t difference = left->flags ^ right->flags;
    if (difference & FUNCTION_IS_LABEL)
        return left->flags & FUNCTION_IS_LABEL ? 1 : -1;
    if (difference & FUNCTION_IS_GLOBAL)
        return left->flags & FUNCTION_IS_GLOBAL ? -1 : 1;
    return strcmp(left->name, right->name);
}

static void merge_into(struct elf_function *function, const struct elf_function *other)
{
    if (other->end > function->end)
        function->end = other->end;
    function->flags |= other->flags & (FUNCTION_HAS_CFI | FUNCTION_IS_GLOBAL);
    if (function->flags & FUNCTION_IS_LABEL && !(other->flags & FUNCTION_IS_LABEL) && other->name != NULL)
        function->flags &= ~FUNCTION_IS_LABEL;
}

/* True for a range or label that lies within a function with a symbol: its inside, not a function of its own. */
static bool is_inside(const struct elf_function *function, const struct elf_function *outer)
{
    bool is_weak = !(function->flags & FUNCTION_HAS_SYMBOL) || (function->flags & FUNCTION_IS_LABEL);
    return outer != NULL && is_weak && (outer->flags & FUNCTION_HAS_SYMBOL) && function->start < outer->end;
}

/* Ranges are in order already: symbols are sorted, and the two merged. */
static int sort_functions(struct found *found, size_t symbol_count)
{
    struct elf_function *all = found->functions, *sorted = malloc((found->count + 1) * sizeof *sorted);
    const struct elf_function **symbols = malloc((symbol_count + 1) * sizeof *symbols);
    if (sorted == NULL || symbols == NULL) {
        free(sorted);
        free(symbols);
        return -ENOMEM;
    }
    for (size_t i = 0; i < symbol_count; i++)
        symbols[i] = &all[i];
    if (symbol_count > 0)
        qsort(symbols, symbol_count, sizeof *symbols, function_order);
    size_t i = 0, j = symbol_count, count = 0;
    while (i < symbol_count || j < found->count) {
        bool is_symbol = j == found->count || (i < symbol_count && symbols[i]->start <= all[j].start);
        sorted[count++] = is_symbol ? *symbols[i++] : all[j++];
    }
    free(symbols);
    free(all);
    found->functions = sorted;
    return 0;
}

static void merge_functions(struct elf_file *file, struct found *found)
{
    size_t kept = 0;
    unsigned nop = file->machine == EM_X86_64 ? 1 : 4;
    struct elf_function *outer = NULL, *functions = found->functions;
    for (size_t i = 0; i < found->count; i++) {
        if (kept > 0 && functions[kept - 1].start == functions[i].start) {
            merge_into(&functions[kept - 1], &functions[i]);
            continue;
        }
        bool is_nop_before = !(functions[i].flags & FUNCTION_HAS_SYMBOL) && i + 1 < found->count &&
                             functions[i + 1].start == functions[i].start + nop && functions[i + 1].name != NULL;
        if (is_nop_before) { /* so that an unwinder, which looks before a return address, finds the range */
            functions[i + 1].flags |= functions[i].flags;
            continue;
        }
        if (is_inside(&functions[i], outer))
            continue;
        functions[kept++] = functions[i];
        if (outer == NULL || functions[kept - 1].end >= outer->end)
            outer = &functions[kept - 1];
    }
    for (size_t i = 0; i < kept; i++) { /* those without a size reach to the next, or to the section's end */
        const struct elf_section *section = &file->code.items[functions[i].section];
        uint64_t limit = section->address + section->size;
        if (i + 1 < kept && functions[i + 1].start < limit)
            limit = functions[i + 1].start;
        if (functions[i].end <= functions[i].start)
            functions[i].end = limit;
        file->has_labels |= (functions[i].flags & FUNCTION_IS_LABEL) != 0;
    }
    struct elf_function *shorter = realloc(functions, (kept + 1) * sizeof *functions);
    file->functions = shorter != NULL ? shorter : functions;
    file->function_count = kept;
}

/* The length of a nop that a function may begin with so that it does not begin with a landing pad; else 0. */
static unsigned leading_nop(const struct elf_file *file, const struct elf_function *function)
{
    const struct elf_section *section = &file->code.items[function->section];
    const uint8_t *bytes = section->bytes + (function->start - section->address);
    static const uint8_t arm64_nop[] = { 0x1f, 0x20, 0x03, 0xd5 };
    if (function->end - function->start <= sizeof arm64_nop)
        return 0;
    return file->machine == EM_X86_64 ? bytes[0] == 0x90 : memcmp(bytes, arm64_nop, sizeof arm64_nop) == 0 ? 4 : 0;
}

/* A part without a symbol is known by its CFI: at its first instruction the frame is there already. */
static void mark_parts(struct elf_file *file)
{
    for (size_t i = 0; i < file->function_count; i++) {
        struct elf_function *function = &file->functions[i];
        if (!(function->flags & FUNCTION_HAS_CFI) || (function->flags & FUNCTION_HAS_SYMBOL))
            continue;
        struct cfi_row row;
        uint64_t first = function->start + leading_nop(file, function);
        if (cfi_rows(file, first, first + 1, &row, 1) == 1 && !cfi_is_entry(file, &row))
            function->flags |= FUNCTION_IS_PART;
    }
}

static int read_functions(struct elf_file *file)
{
    struct found found = { 0 };
    bool has_symbols = elf_section_of_type(file->elf, SHT_SYMTAB) != NULL;
    int error = read_symbols(file, file->elf, has_symbols ? SHT_SYMTAB : SHT_DYNSYM, &found);
    if (error == 0 && file->debug_elf != NULL)
        error = read_symbols(file, file->debug_elf, SHT_SYMTAB, &found);
    size_t symbol_count = found.count;
    if (error == 0)
        error = add_ranges(file, &found);
    if (error == 0)
        error = sort_functions(&found, symbol_count);
    if (error != 0) {
        free(found.functions);
        return error;
    }
    merge_functions(file, &found);
    mark_parts(file);
    return 0;
}

/* The last function that begins at or before the address. */
static const struct elf_function *function_before(const struct elf_file *file, uint64_t address)
{
    size_t next = array_upto(file->functions, file->function_count, sizeof *file->functions, address);
    return next == 0 ? NULL : &file->functions[next - 1];
}

const struct elf_function *elf_function_from(const struct elf_file *file, uint64_t start)
{
    return array_find(file->functions, file->function_count, sizeof *file->functions, start);
}

const struct elf_function *elf_function_at(const struct elf_file *file, uint64_t address)
{
    const struct elf_function *function = function_before(file, address);
    return function != NULL && address < function->end ? function : NULL;
}

const struct elf_function *elf_function_after(const struct elf_file *file, uint64_t address)
{
    size_t next = array_from(file->functions, file->function_count, sizeof *file->functions, address);
    return next < file->function_count ? &file->functions[next] : NULL;
}

const char *elf_target_name(const struct elf_file *file, uint64_t address, uint64_t target)
{
    if (file->type == ET_REL) {
        const struct elf_relocation *relocation = elf_relocation_in(file, address, address + 16);
        if (relocation != NULL && relocation->name != NULL)
            return relocation->name;
    }
    const struct elf_function *function = elf_function_from(file, target);
    return function != NULL ? function->name : elf_import_name(file, target);
}

/* ---- opening ---- */

static void release(struct elf_file *file)
{
    free(file->code.items);
    free(file->tables.items);
    free(file->functions);
    free(file->imports);
    free(file->relocations.items);
    free(file->ranges);
    free(file->cies);
    debug_file_close(file);
    free(file->path);
}

static int check_header(const struct elf_file *file, const GElf_Ehdr *header, char error[ELF_ERROR_MAX])
{
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
        (header->e_machine != EM_X86_64 && header->e_machine != EM_AARCH64))
        return fail(error, ENOTSUP, file->path, "is for another machine than x86-64 and arm64");
    if (header->e_type != ET_REL && header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return fail(error, ENOTSUP, file->path, "is neither a program, nor a library, nor an object file");
    return 0;
}

static int read_all(struct elf_file *file)
{
    int error = read_sections(file);
    if (error == 0 && file->code.count == 0 && file->type != ET_REL)
        error = read_segments(file);
    if (error != 0)
        return error;
    sort_sections(&file->code);
    sort_sections(&file->tables);
    for (size_t i = 0; i < file->code.count; i++)
        file->text_bytes += file->code.items[i].size;
    debug_file_open(file);
    if (file->type == ET_REL)
        error = elf_relocations_read(file, 0, &file->relocations);
    if (error == 0)
        error = cfi_read(file);
    if (error == 0)
        error = read_functions(file);
    return error == 0 && file->type != ET_REL ? elf_read_imports(file) : error;
}

static int use_elf(Elf *elf, const char *path, const char *member, int (*use)(struct elf_file *, void *),
                   void *argument, char error[ELF_ERROR_MAX])
{
    struct elf_file file = { .elf = elf, .debug_fd = -1 };
    GElf_Ehdr header;
    int code = asprintf(&file.path, member ? "%s(%s)" : "%s", path, member);
    if (code < 0)
        return fail(error, ENOMEM, path, "no memory");
    size_t size = 0;
    elf_rawfile(elf, &size);
    file.file_size = size;
    if (gelf_getehdr(elf, &header) == NULL) {
        code = fail(error, EINVAL, file.path, "not a whole ELF file");
    } else if ((code = check_header(&file, &header, error)) == 0) {
        file.machine = header.e_machine;
        file.type = header.e_type;
        code = read_all(&file);
        if (code != 0)
            snprintf(error, ELF_ERROR_MAX, "%s: %s", file.path, strerror(-code));
        else
            code = use(&file, argument);
    }
    release(&file);
    return code;
}

static int use_archive(Elf *archive, int fd, const char *path, int (*use)(struct elf_file *, void *), void *argument,
                       char error[ELF_ERROR_MAX])
{
    Elf_Cmd command = ELF_C_READ_MMAP;
    int code = 0, used = 0;
    while (code == 0 && command != ELF_C_NULL) {
        Elf *member = elf_begin(fd, command, archive);
        if (member == NULL)
            break;
        Elf_Arhdr *header = elf_getarhdr(member);
        if (header != NULL && header->ar_name[0] != '/' && elf_kind(member) == ELF_K_ELF) {
            code = use_elf(member, path, header->ar_name, use, argument, error);
            used++;
        }
        command = elf_next(member);
        elf_end(member);
    }
    return code == 0 && used == 0 ? fail(error, EINVAL, path, "an archive without ELF files") : code;
}

int elf_visit(const char *path, int (*use)(struct elf_file *, void *), void *argument, char error[ELF_ERROR_MAX])
{
    struct stat status;
    elf_version(EV_CURRENT);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(error, errno, path, strerror(errno));
    int code = -EINVAL;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        fail(error, EINVAL, path, S_ISDIR(status.st_mode) ? "is a directory" : "is no regular file");
        close(fd);
        return code;
    }
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (elf != NULL && elf_kind(elf) == ELF_K_ELF)
        code = use_elf(elf, path, NULL, use, argument, error);
    else if (elf != NULL && elf_kind(elf) == ELF_K_AR)
        code = use_archive(elf, fd, path, use, argument, error);
    else
        fail(error, EINVAL, path, status.st_size == 0 ? "is empty" : "is not an ELF file");
    if (elf != NULL)
        elf_end(elf);
    close(fd);
    return code;
}

int elf_visit_memory(const char *name, void *bytes, size_t size, int (*use)(struct elf_file *, void *), void *argument,
                     char error[ELF_ERROR_MAX])
{
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory(bytes, size);
    int code = elf != NULL && elf_kind(elf) == ELF_K_ELF ? use_elf(elf, name, NULL, use, argument, error)
                                                         : fail(error, EINVAL, name, "is not an ELF file");
    if (elf != NULL)
        elf_end(elf);
    free(bytes);
    return code;
}
