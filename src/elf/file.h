/* SPDX-License-Identifier: MIT */
/*
 * file.h: an ELF file of x86-64 or arm64 as the checker wants it: code, functions, imports, call frame information.
 *
 * Nothing in a file is trusted: elfutils checks headers, and whatever is read here stays within its section. A
 * relocatable file's code sections are laid out one behind the other at addresses of their own. A file is owned by
 * one thread while it is opened; afterwards it is only read, by any number of them.
 */
#ifndef RUNG_ELF_FILE_H
#define RUNG_ELF_FILE_H

#include <libelf.h>

#include "base/base.h"

enum { ELF_ERROR_MAX = 512 };

struct elf_section {
    uint64_t address, size;
    const uint8_t *bytes;
    unsigned index;       /* in the file */
    bool is_stubs;        /* .plt and its like: stubs of the linker */
};

struct elf_sections {
    struct elf_section *items; /* by address */
    size_t count, room;
};

enum function_flag {
    FUNCTION_HAS_SYMBOL = 1,
    FUNCTION_HAS_CFI = 2,
    FUNCTION_IS_PART = 4,    /* a cold part split off: entered by jumps, in the middle of a frame */
    FUNCTION_IS_LABEL = 8,   /* an untyped symbol */
    FUNCTION_IS_GLOBAL = 16,
};

struct elf_function {
    uint64_t start, end;
    const char *name;        /* NULL: none is known */
    uint32_t flags;
    uint32_t section;        /* number in elf_file.code */
};

struct elf_import {          /* a stub of the linker, or in a relocatable file a call's place, and what it leads to */
    uint64_t address;
    const char *name;
};

struct elf_range {           /* an FDE, for cfi.c */
    uint64_t start, end;
    const uint8_t *program, *program_end;
    uint64_t landings;       /* address of its table of landing pads; 0: none */
    uint32_t cie;
};

struct elf_cie {
    const uint8_t *program, *program_end;
    uint64_t code_alignment;
    int64_t data_alignment;
    uint8_t pointer_encoding;
    uint8_t landing_encoding; /* of the pointer to the table of landing pads */
    bool is_debug;        /* of .debug_frame */
};

struct elf_relocation {      /* of a relocatable file's code: where, and the address or name it stands for */
    uint64_t address;
    uint64_t target;         /* 0: name */
    const char *name;
};

struct elf_relocations {
    struct elf_relocation *items; /* by address */
    size_t count, room;
};

struct elf_file {
    char *path;              /* with the member in brackets, for one of an archive */
    Elf *elf, *debug_elf;    /* debug_elf: where its symbols are, if not in it, or NULL */
    uint8_t *debug_bytes;    /* debug_elf's, if it is no file */
    int debug_fd;
    int machine, type;
    uint64_t file_size, text_bytes;
    struct elf_sections code, tables; /* tables: of landing pads */
    struct elf_function *functions;   /* by address */
    struct elf_import *imports;       /* by address */
    struct elf_relocations relocations; /* of code; relocatable files only */
    struct elf_range *ranges;         /* by address */
    struct elf_cie *cies;
    bool is_go;              /* Go's linker made it */
    bool has_labels;         /* some function's symbol is not that of a function */
    size_t function_count, import_count, range_count, cie_count;
    size_t import_room, range_room, cie_room;
};

/*
 * Calls `use` for the file, or, if it is an archive, for each of its members that is an ELF file of a CPU we know.
 * The struct lives until `use` returns. Gives back 0, or the first error, or what `use` gave back if that was not
 * 0, which ends the visit. -EINVAL and the like come with a sentence in `error`.
 */
int elf_visit(const char *path, int (*use)(struct elf_file *file, void *argument), void *argument,
              char error[ELF_ERROR_MAX]);

/* The same for an image in memory (the vDSO); bytes are malloc'ed and taken over. */
int elf_visit_memory(const char *name, void *bytes, size_t size, int (*use)(struct elf_file *file, void *argument),
                     void *argument, char error[ELF_ERROR_MAX]);

/* The section that holds the address, or NULL. */
const struct elf_section *elf_section_at(const struct elf_sections *sections, uint64_t address);
/* Of a relocatable file: the one that has this number in it, or NULL. */
const struct elf_section *elf_section_numbered(const struct elf_sections *sections, unsigned index);
/* The function that begins there, or holds the address; NULL if none. */
const struct elf_function *elf_function_from(const struct elf_file *file, uint64_t start);
const struct elf_function *elf_function_at(const struct elf_file *file, uint64_t address);
/* The first that begins at the address or after it. */
const struct elf_function *elf_function_after(const struct elf_file *file, uint64_t address);
/* The name of what a call or jump at `address` to `target` reaches: a function, an import, or NULL. */
const char *elf_target_name(const struct elf_file *file, uint64_t address, uint64_t target);
/* In a relocatable file, what the operand at address (exactly) stands for; NULL if nothing. */
const struct elf_relocation *elf_relocation_in(const struct elf_file *file, uint64_t from, uint64_t to);
/* The build id as hexadecimal digits; false if there is none. */
bool elf_build_id(Elf *elf, char *text, size_t text_size);

/* Where a file's needed libraries are: see closure.c. Gives back how many paths, malloc'ed, or -errno. */
int elf_closure(const char *path, char ***paths, char error[ELF_ERROR_MAX]);
/* The files mapped as code by a process: see process.c. */
int elf_process_files(int pid, char ***paths, char error[ELF_ERROR_MAX]);
/* A process's vDSO; malloc'ed; NULL if it has none or it cannot be read. */
void *elf_process_vdso(int pid, size_t *size);

#endif
