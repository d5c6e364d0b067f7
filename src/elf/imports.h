/* SPDX-License-Identifier: MIT */
/* imports.h: what the linker's stubs, and the calls of a relocatable file, lead to. Called by file.c. */
#ifndef RUNG_ELF_IMPORTS_H
#define RUNG_ELF_IMPORTS_H

#include "elf/file.h"

/* 0 or -ENOMEM. */
int elf_read_imports(struct elf_file *file);

/* The name of the import whose stub is at the address; NULL if there is none. */
const char *elf_import_name(const struct elf_file *file, uint64_t address);

/* Adds the relocations of a relocatable file's section, by offset in it; of section 0: of all code, by address. 0 or -ENOMEM. */
int elf_relocations_read(const struct elf_file *file, unsigned wanted, struct elf_relocations *relocations);

#endif
