/* SPDX-License-Identifier: MIT */
/*
 * symbol.c: reads an ELF file's function symbols and looks them up.
 *
 * How it works. The symbol and string tables are read (never mapped: a file cut short under a
 * mapping would raise SIGBUS in a handler) into scratch memory, functions are picked, sorted by
 * address, and for each address the best of its aliases kept. What is kept lies in one mapping:
 * symbols, then names.
 *
 * The best alias is the one that a reader expects: a function before a label, global before local,
 * sized before unsized, fewer leading underscores (puts, not _IO_puts), shorter. An address inside
 * a sized symbol belongs to it; behind its end it belongs to nobody, or to an enclosing one a few
 * symbols before.
 *
 * Nothing read from the file is trusted: each offset is checked against what was read.
 */
#include "machine/symbol.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/os.h"

enum { SECTIONS_MAX = 65535, NAME_MAX_BYTES = 4096, ENCLOSING_MAX = 8 };
#define TABLE_MAX (UINT64_C(1) << 30)

bool symbol_file_read(const struct symbol_file *file, uint64_t offset, void *bytes, size_t count)
{
    if (file->memory == NULL)
        return os_read_at(file->fd, bytes, count, offset) == (int64_t)count;
    if (offset > file->memory_bytes || count > file->memory_bytes - offset)
        return false;
    memcpy(bytes, file->memory + offset, count);
    return true;
}

/* ---- scratch memory: each block a mapping of its own ---- */

struct block {
    void *start;
    size_t bytes;
};

static int block_read(struct block *block, const struct symbol_file *file, uint64_t offset,
                      uint64_t bytes)
{
    if (bytes == 0 || bytes > TABLE_MAX)
        return -EINVAL;
    block->bytes = round_up((size_t)bytes, PAGE);
    block->start = os_reserve(block->bytes);
    if (block->start == NULL)
        return -ENOMEM;
    if (os_commit(block->start, block->bytes) < 0)
        return -ENOMEM;
    return symbol_file_read(file, offset, block->start, (size_t)bytes) ? 0 : -EINVAL;
}

static void block_release(struct block *block)
{
    if (block->start != NULL)
        os_release(block->start, block->bytes);
}

/* ---- reading ---- */

struct reader {
    const struct symbol_file *file;
    struct block sections, symbols, strings;
    size_t symbol_count, string_bytes;
    uintptr_t start, end; /* of the text that matters */
};

static int reader_open(struct reader *reader)
{
    Elf64_Ehdr header;
    if (!symbol_file_read(reader->file, 0, &header, sizeof header))
        return -EINVAL;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != ELFDATA2LSB)
        return -EINVAL;
    if (header.e_shnum == 0)
        return -ENOENT;
    if (header.e_shentsize != sizeof(Elf64_Shdr))
        return -EINVAL;
    int error = block_read(&reader->sections, reader->file, header.e_shoff,
                           (uint64_t)header.e_shnum * sizeof(Elf64_Shdr));
    if (error < 0)
        return error;
    const Elf64_Shdr *sections = reader->sections.start, *table = NULL;
    for (size_t i = 0; i < header.e_shnum; i++) {
        bool is_better = sections[i].sh_type == SHT_SYMTAB ||
                         (sections[i].sh_type == SHT_DYNSYM && table == NULL);
        if (is_better)
            table = &sections[i];
    }
    if (table == NULL)
        return -ENOENT;
    if (table->sh_entsize != sizeof(Elf64_Sym) || table->sh_link >= header.e_shnum)
        return -EINVAL;
    const Elf64_Shdr *strings = &sections[table->sh_link];
    reader->symbol_count = table->sh_size / sizeof(Elf64_Sym);
    reader->string_bytes = strings->sh_size;
    error = block_read(&reader->symbols, reader->file, table->sh_offset, table->sh_size);
    if (error < 0)
        return error;
    return block_read(&reader->strings, reader->file, strings->sh_offset, strings->sh_size);
}

static void reader_close(struct reader *reader)
{
    block_release(&reader->sections);
    block_release(&reader->symbols);
    block_release(&reader->strings);
}

/*
 * A name without its version ("memcpy@@GLIBC_2.14"); its length, 0 for what is no function's name.
 */
static size_t name_length(const struct reader *reader, uint32_t offset)
{
    if (offset >= reader->string_bytes)
        return 0;
    const char *name = (const char *)reader->strings.start + offset;
    size_t room = reader->string_bytes - offset;
    if (room > NAME_MAX_BYTES)
        room = NAME_MAX_BYTES;
    size_t length = strnlen(name, room);
    if (length == room || name[0] == '$' || name[0] == '.')
        return 0; /* $x, $d: arm64's marks of code and data */
    const char *version = memchr(name, '@', length);
    return version != NULL ? (size_t)(version - name) : length;
}

static uint32_t symbol_rank(const Elf64_Sym *symbol, const char *name, size_t length)
{
    unsigned underscores = 0;
    while (underscores < 15 && name[underscores] == '_')
        underscores++;
    unsigned is_label = ELF64_ST_TYPE(symbol->st_info) == STT_NOTYPE;
    unsigned is_local = ELF64_ST_BIND(symbol->st_info) == STB_LOCAL;
    unsigned is_weak = ELF64_ST_BIND(symbol->st_info) == STB_WEAK;
    unsigned is_unsized = symbol->st_size == 0;
    return is_label << 20 | is_local << 19 | is_unsized << 18 | underscores << 14 |
           (uint32_t)length << 1 | is_weak;
}

/* Fills *out from the file's symbol if it is a function of our text. */
static bool symbol_pick(const struct reader *reader, const Elf64_Sym *symbol, struct symbol *out)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
        return false;
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_value < reader->start ||
        symbol->st_value >= reader->end)
        return false;
    size_t length = name_length(reader, symbol->st_name);
    if (length == 0)
        return false;
    uint64_t room = reader->end - symbol->st_value;
    out->value = (uint32_t)(symbol->st_value - reader->start);
    out->bytes = (uint32_t)(symbol->st_size < room ? symbol->st_size : room);
    out->name = symbol->st_name;
    out->rank = symbol_rank(symbol, (const char *)reader->strings.start + symbol->st_name, length);
    return true;
}

/* ---- sorting: heap sort, since qsort may call malloc ---- */

static bool symbol_is_before(const struct symbol *a, const struct symbol *b)
{
    if (a->value != b->value)
        return a->value < b->value;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return a->name < b->name;
}

static void sift_down(struct symbol *symbols, size_t at, size_t count)
{
    struct symbol moving = symbols[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && symbol_is_before(&symbols[child], &symbols[child + 1]))
            child++;
        if (!symbol_is_before(&moving, &symbols[child]))
            break;
        symbols[at] = symbols[child];
    }
    symbols[at] = moving;
}

static void symbols_sort(struct symbol *symbols, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(symbols, i, count);
    for (size_t last = count; last-- > 1;) {
        struct symbol first = symbols[0];
        symbols[0] = symbols[last];
        symbols[last] = first;
        sift_down(symbols, 0, last);
    }
}

/* ---- the table ---- */

static size_t symbols_collect(const struct reader *reader, struct symbol *symbols)
{
    const Elf64_Sym *from = reader->symbols.start;
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < reader->symbol_count; i++)
        count += symbol_pick(reader, &from[i], &symbols[count]);
    symbols_sort(symbols, count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || symbols[i].value != symbols[kept - 1].value)
            symbols[kept++] = symbols[i];
    }
    return kept;
}

/* Bytes for all names, if each is copied: linkers let a name be the tail of another. */
static uint64_t names_measure(const struct reader *reader)
{
    const Elf64_Sym *from = reader->symbols.start;
    struct symbol picked;
    uint64_t bytes = 1;
    for (size_t i = 0; i < reader->symbol_count; i++) {
        if (symbol_pick(reader, &from[i], &picked))
            bytes += name_length(reader, picked.name) + 1;
    }
    return bytes;
}

/* Copies the symbols' names and gives back how many bytes that took. */
static size_t names_copy(const struct reader *reader, struct symbol *symbols, size_t count,
                         char *names)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = name_length(reader, symbols[i].name);
        memcpy(names + used, (const char *)reader->strings.start + symbols[i].name, length);
        names[used + length] = '\0';
        symbols[i].name = (uint32_t)used;
        used += length + 1;
    }
    return used;
}

static int table_fill(const struct reader *reader, struct symbol_table *table)
{
    uint64_t names_bytes = names_measure(reader);
    if (names_bytes > TABLE_MAX)
        return -EINVAL;
    size_t bytes = round_up((reader->symbol_count + 1) * sizeof(struct symbol) + names_bytes, PAGE);
    struct symbol *symbols = os_reserve(bytes);
    if (symbols == NULL)
        return -ENOMEM;
    if (os_commit(symbols, bytes) < 0) {
        os_release(symbols, bytes);
        return -ENOMEM;
    }
    size_t count = symbols_collect(reader, symbols);
    char *names = (char *)(symbols + count);
    size_t used = count * sizeof(struct symbol) + names_copy(reader, symbols, count, names);
    used = round_up(used + 1, PAGE);
    if (used < bytes)
        os_release((char *)symbols + used, bytes - used);
    *table = (struct symbol_table){ symbols, names, reader->start, (uint32_t)count, used };
    return 0;
}

int symbol_table_build(const struct symbol_file *file, uintptr_t start, uintptr_t end,
                       struct symbol_table *table)
{
    struct reader reader = { .file = file, .start = start, .end = end };
    memset(table, 0, sizeof *table);
    if (end - start > UINT32_MAX)
        return -EINVAL;
    int error = reader_open(&reader);
    if (error == 0)
        error = table_fill(&reader, table);
    reader_close(&reader);
    return error;
}

void symbol_table_release(struct symbol_table *table)
{
    if (table->symbols != NULL)
        os_release((void *)table->symbols, table->bytes);
    memset(table, 0, sizeof *table);
}

const char *symbol_find(const struct symbol_table *table, uintptr_t address, uintptr_t *offset)
{
    uintptr_t value = address - table->start;
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->symbols[middle].value <= value)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i-- > 0 && low - i <= ENCLOSING_MAX;) {
        const struct symbol *symbol = &table->symbols[i];
        bool is_unsized_and_nearest = symbol->bytes == 0 && i == low - 1;
        if (is_unsized_and_nearest || value - symbol->value < symbol->bytes) {
            *offset = value - symbol->value;
            return table->names + symbol->name;
        }
    }
    return NULL;
}
