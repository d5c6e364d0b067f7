/* SPDX-License-Identifier: MIT */
/* debug_file.h: the symbols of a stripped file, which lie elsewhere. Called by file.c. */
#ifndef RUNG_ELF_DEBUG_FILE_H
#define RUNG_ELF_DEBUG_FILE_H

#include "elf/file.h"

/* Sets file->debug_elf, if the file has no .symtab and another has it. */
void debug_file_open(struct elf_file *file);
void debug_file_close(struct elf_file *file);

/* The first section of that type that is not empty; NULL if there is none, or no elf. */
Elf_Scn *elf_section_of_type(Elf *elf, unsigned type);

#endif
