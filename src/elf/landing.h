/* SPDX-License-Identifier: MIT */
/* landing.h: where an exception that comes out of a call goes on: the tables of .gcc_except_table. */
#ifndef RUNG_ELF_LANDING_H
#define RUNG_ELF_LANDING_H

#include "elf/file.h"

struct elf_landing {
    uint64_t start, end;   /* of calls */
    uint64_t pad;          /* the code that takes the exception over, in the same frame */
};

struct elf_landings {
    struct elf_landing *items; /* by address */
    size_t count, room;
};

/* Those of the calls from start to end; what makes no sense is passed over. 0 or -ENOMEM. */
int elf_landings_read(const struct elf_file *file, uint64_t start, uint64_t end, struct elf_landings *landings);
/* The landing pad of the call at the address; 0: none. */
uint64_t elf_landing_pad(const struct elf_landings *landings, uint64_t address);

#endif
