/* SPDX-License-Identifier: MIT */
/*
 * object.h: the ELF objects that this process has loaded, their unwind rules and function names.
 *
 * object_refresh is for normal threads. Everything else is async-signal-safe, takes no lock, and
 * answers from what the last refresh found; it never touches the objects' own memory, but to have the kernel copy some code.
 */
#ifndef RUNG_OBJECT_H
#define RUNG_OBJECT_H

#include "base/base.h"

/*
 * Takes in objects loaded or unloaded since the last call; cheap if there are none. 0, or -ENOMEM
 * if some could not be taken in. At start, after dlopen, and before stacks are shown.
 */
int object_refresh(void);

/* Changes with each refresh that found a change; never 0 after the first. */
uint32_t object_generation(void);

/*
 * The number of the unwind rule (cfi.h) for a pc, as of the generation; CFI_NONE if that is gone.
 */
unsigned object_rule(uintptr_t pc, uint32_t generation);

struct object_place {
    const char *object;        /* its path as the loader knows it, NULL if pc is in no object */
    uintptr_t object_offset;   /* the address as in the file: what addr2line takes */
    const char *function;      /* NULL if unknown */
    uintptr_t function_offset;
};

/* What a pc lies in. false if it is in no object. The strings stay for ever. */
bool object_symbol(uintptr_t pc, struct object_place *place);

/* For tests, benchmarks and metrics: sizes of the tables of the object that holds the pc. */
struct object_sizes {
    size_t rows, row_bytes, symbols, symbol_bytes;
};
bool object_sizes(uintptr_t pc, struct object_sizes *sizes);

#endif
