/* Function names are right for program, libraries and vdso, and survive broken ELF files. */
/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "../test.h"
#include "base/os.h"
#include "machine/cfi.h"
#include "machine/object.h"
#include "machine/symbol.h"
#include "rung_debug.h"

/* ---- this process ---- */

__attribute__((__noinline__)) static int a_static_function(int a)
{
    return a * 3;
}

static void expect_name(const void *pc, const char *expected)
{
    char text[128];
    size_t length = rung_symbol((uintptr_t)pc, text, sizeof text);
    EXPECT_EQ(length, strlen(text));
    if (strcmp(text, expected) != 0)
        test_fail(__FILE__, __LINE__, "expected: %s, got %s", expected, text);
}

static void test_names(void)
{
    EXPECT(a_static_function(1) == 3);
    expect_name((void *)a_static_function, "a_static_function+0x0");
    expect_name((char *)a_static_function + 3, "a_static_function+0x3");
    expect_name(NULL, "[unknown+0x0]");
    expect_name((void *)~(uintptr_t)0, "[unknown+0xffffffffffffffff]");
}

/*
 * Names of a shared library's functions, against dladdr. Aliases: any name of that address will
 * do.
 */
static void test_library(void)
{
    const char *names[] = { "qsort_r", "puts", "strtod", "malloc", "pthread_create", "printf" };
    for (size_t i = 0; i < array_length(names); i++) {
        struct object_place place;
        void *function = dlsym(RTLD_DEFAULT, names[i]);
        Dl_info info;
        if (function == NULL || dladdr(function, &info) == 0)
            continue; /* a static program */
        EXPECT(object_symbol((uintptr_t)function, &place));
        EXPECT(place.function != NULL && strcmp(place.function, names[i]) == 0);
        EXPECT_EQ(place.function_offset, 0);
        EXPECT_EQ(place.object_offset, (uintptr_t)function - (uintptr_t)info.dli_fbase);
        EXPECT(strcmp(place.object, info.dli_fname) == 0);
    }
}

static void test_vdso(void)
{
    const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
    if (vdso == NULL)
        return;
    bool has_time = false;
    for (size_t at = 0; at < 2 * PAGE; at += 4) {
        struct object_place place;
        if (object_symbol((uintptr_t)vdso + at, &place) && place.function != NULL)
            has_time |= strstr(place.function, "clock_gettime") != NULL;
    }
    EXPECT(has_time);
}

static void test_short_text(void)
{
    char text[8] = "1234567";
    EXPECT_EQ(rung_symbol((uintptr_t)a_static_function, text, 5), 4);
    EXPECT(strcmp(text, "a_st") == 0 && text[5] == '6');
    EXPECT_EQ(rung_symbol((uintptr_t)a_static_function, text, 0), 0);
    EXPECT_EQ(rung_symbol((uintptr_t)a_static_function, text, 1), 0);
    EXPECT(text[0] == '\0');
}

/* ---- dlopen ---- */

enum { REACH = 1 << 17 };

static void test_dlopen(void)
{
    struct object_place place;
    struct object_sizes first, again;
    uint32_t generation = object_generation();
    const char *function = "zlibVersion";
    void *library = dlopen("libz.so.1", RTLD_NOW);
    void *address = library != NULL ? dlsym(library, function) : NULL;
    if (address == NULL)
        return; /* no zlib here, or a static program */
    EXPECT(!object_symbol((uintptr_t)address, &place));
    EXPECT_EQ(object_rule((uintptr_t)address, generation), CFI_NONE);
    EXPECT_EQ(object_refresh(), 0);
    EXPECT(object_generation() != generation);
    EXPECT_EQ(object_rule((uintptr_t)address, generation), CFI_NONE); /* asked for what is gone */
    EXPECT(object_rule((uintptr_t)address, object_generation()) != CFI_NONE);
    EXPECT(object_symbol((uintptr_t)address, &place));
    EXPECT(strcmp(place.function, function) == 0);
    EXPECT(object_sizes((uintptr_t)address, &first));
    const char *name = place.object;
    for (int i = 0; i < 3; i++) {
        dlclose(library);
        EXPECT_EQ(object_refresh(), 0);
        EXPECT(!object_symbol((uintptr_t)address, &place));
        library = dlopen("libz.so.1", RTLD_NOW);
        EXPECT_EQ(object_refresh(), 0);
        address = dlsym(library, function);
        EXPECT(object_symbol((uintptr_t)address, &place) &&
               object_sizes((uintptr_t)address, &again));
        EXPECT(place.object == name); /* its tables have been kept */
        EXPECT_EQ(object_rule((uintptr_t)address, object_generation() - 2), CFI_NONE);
    }
    generation = object_generation();
    EXPECT_EQ(object_refresh(), 0);
    EXPECT_EQ(object_generation(), generation);
    dlclose(library);
    for (uintptr_t pc = (uintptr_t)address - REACH; pc < (uintptr_t)address + REACH; pc++)
        (void)object_rule(pc, generation); /* its code is gone, and nobody has looked since */
    EXPECT_EQ(object_refresh(), 0);
}

/* ---- an ELF file of our own ---- */

static uint8_t file_bytes[8192];
static size_t file_used;
static Elf64_Sym symbols[64];
static size_t symbol_count;
static char strings[2048];
static size_t string_bytes = 1;

static void add_symbol(const char *name, unsigned info, uint64_t value, uint64_t size)
{
    strcpy(strings + string_bytes, name);
    symbols[symbol_count++] = (Elf64_Sym){ .st_name = (uint32_t)string_bytes,
                                           .st_info = (uint8_t)info,
                                           .st_shndx = 1,
                                           .st_value = value,
                                           .st_size = size };
    string_bytes += strlen(name) + 1;
}

/* A name that is the tail of the last one. */
static void add_tail(size_t skip, unsigned info, uint64_t value, uint64_t size)
{
    symbols[symbol_count] = symbols[symbol_count - 1];
    symbols[symbol_count].st_name += (uint32_t)skip;
    symbols[symbol_count].st_info = (uint8_t)info;
    symbols[symbol_count].st_value = value;
    symbols[symbol_count++].st_size = size;
}

static size_t add_bytes(const void *bytes, size_t count)
{
    size_t at = file_used;
    memcpy(file_bytes + at, bytes, count);
    file_used += round_up(count, (size_t)8);
    return at;
}

static void make_file(void)
{
    enum { LOCAL = STB_LOCAL << 4, GLOBAL = STB_GLOBAL << 4, WEAK = STB_WEAK << 4 };
    add_symbol("_IO_puts", GLOBAL | STT_FUNC, 0x1000, 0x40);
    add_symbol("puts", WEAK | STT_FUNC, 0x1000, 0x40);
    add_symbol("a_local_alias", LOCAL | STT_FUNC, 0x1000, 0x40);
    add_symbol("$x", LOCAL | STT_NOTYPE, 0x1000, 0);
    add_symbol("$x.17", LOCAL | STT_NOTYPE, 0x1010, 0);
    add_symbol("outer", GLOBAL | STT_FUNC, 0x1100, 0x100);
    add_symbol("inner", LOCAL | STT_FUNC, 0x1140, 0x10);
    add_symbol("label", LOCAL | STT_NOTYPE, 0x1300, 0);
    add_symbol("versioned@@GLIBC_2.2.5", GLOBAL | STT_FUNC, 0x1400, 8);
    add_symbol("chosen", GLOBAL | STT_GNU_IFUNC, 0x1500, 0x10);
    add_symbol("variable", GLOBAL | STT_OBJECT, 0x1600, 8);
    add_symbol("not_text", GLOBAL | STT_FUNC, 0x9000, 8);
    add_symbol("endless", GLOBAL | STT_FUNC, 0x1700, ~UINT64_C(0));
    static char name[1001];
    memset(name, 'n', sizeof name - 1);
    add_symbol(name, GLOBAL | STT_FUNC, 0x1800, 8);
    for (size_t i = 1; i <= 30; i++)
        add_tail(1, GLOBAL | STT_FUNC, 0x1800 + i * 8, 8);
    Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
                          .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 3 };
    Elf64_Shdr sections[3] = { { 0 } };
    file_used = sizeof header;
    sections[1] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
                                .sh_link = 2,
                                .sh_entsize = sizeof(Elf64_Sym),
                                .sh_size = symbol_count * sizeof(Elf64_Sym) };
    sections[1].sh_offset = add_bytes(symbols, sections[1].sh_size);
    sections[2] = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_size = string_bytes };
    sections[2].sh_offset = add_bytes(strings, string_bytes);
    header.e_shoff = add_bytes(sections, sizeof sections);
    memcpy(file_bytes, &header, sizeof header);
}

static struct symbol_table table;

static void expect_symbol(uintptr_t address, const char *name, uintptr_t offset)
{
    uintptr_t found;
    const char *function = symbol_find(&table, address, &found);
    if (name == NULL) {
        EXPECT(function == NULL);
        return;
    }
    if (function == NULL || strcmp(function, name) != 0)
        test_fail(__FILE__, __LINE__, "%#lx: expected: %s, got %s", (unsigned long)address, name,
                  function);
    EXPECT_EQ(found, offset);
}

static void test_choice(void)
{
    struct symbol_file file = { -1, file_bytes, file_used };
    EXPECT_EQ(symbol_table_build(&file, 0x1000, 0x2000, &table), 0);
    expect_symbol(0xfff, NULL, 0);
    expect_symbol(0x1000, "puts", 0);
    expect_symbol(0x1010, "puts", 0x10);
    expect_symbol(0x1040, NULL, 0); /* behind its end */
    expect_symbol(0x1145, "inner", 5);
    expect_symbol(0x1150, "outer", 0x50); /* behind the inner one's */
    expect_symbol(0x1200, NULL, 0);
    expect_symbol(0x1310, "label", 0x10);
    expect_symbol(0x1404, "versioned", 4);
    expect_symbol(0x1501, "chosen", 1);
    expect_symbol(0x1600, NULL, 0);
    expect_symbol(0x1704, "endless", 4);
    for (size_t i = 0; i <= 30; i++) { /* together more than the strings that they are tails of */
        uintptr_t offset;
        const char *name = symbol_find(&table, 0x1800 + i * 8, &offset);
        EXPECT(name != NULL);
        EXPECT_EQ(strlen(name), 1000 - i);
    }
    symbol_table_release(&table);
}

/* ---- broken files ---- */

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 20;
}

static void expect_sane(const struct symbol_file *file)
{
    if (symbol_table_build(file, 0x1000, 0x2000, &table) < 0)
        return;
    for (uintptr_t address = 0xff0; address < 0x2010; address += 7) {
        uintptr_t offset;
        const char *name = symbol_find(&table, address, &offset);
        EXPECT(name == NULL || strlen(name) < 4096);
    }
    symbol_table_release(&table);
}

/* Each round spoils a few bytes or cuts the file; the memory behind it can't be touched. */
static void test_broken(void)
{
    size_t room = round_up(file_used, (size_t)PAGE);
    uint8_t *memory =
        mmap(NULL, room + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_EQ(mprotect(memory + room, PAGE, PROT_NONE), 0);
    random_state = test_seed();
    for (int64_t round = test_scaled(4000); round > 0; round--) {
        size_t bytes = round % 4 == 0 ? random_next() % file_used : file_used;
        uint8_t *copy = memory + room - bytes;
        memcpy(copy, file_bytes, bytes);
        for (uint64_t i = random_next() % 8; i > 0 && bytes > 0; i--) {
            /* The ELF header and the section headers matter most. */
            size_t from = random_next() % 2 == 0 ? 0 : bytes - bytes / 4;
            copy[(from + random_next() % 64) % bytes] = (uint8_t)random_next();
            copy[random_next() % bytes] = (uint8_t)random_next();
        }
        expect_sane(&(struct symbol_file){ -1, copy, bytes });
    }
    munmap(memory, room + PAGE);
}

static void test_no_file(void)
{
    EXPECT(symbol_table_build(&(struct symbol_file){ -1, NULL, 0 }, 0, PAGE, &table) < 0);
    int fd = os_open_read("/dev/null");
    EXPECT(symbol_table_build(&(struct symbol_file){ fd, NULL, 0 }, 0, PAGE, &table) < 0);
    os_close(fd);
    EXPECT(symbol_find(&table, 12, &(uintptr_t){ 0 }) == NULL);
}

int main(void)
{
    EXPECT_EQ(object_rule((uintptr_t)main, object_generation()),
              CFI_NONE); /* before the first refresh */
    EXPECT_EQ(object_refresh(), 0);
    test_names();
    test_library();
    test_vdso();
    test_short_text();
    test_dlopen();
    make_file();
    test_choice();
    test_broken();
    test_no_file();
    return 0;
}
