/* SPDX-License-Identifier: MIT */
/* cfi.h: call frame information of a file, of either CPU, as rows of the few rules that the checker compares. */
#ifndef RUNG_ELF_CFI_H
#define RUNG_ELF_CFI_H

#include "elf/file.h"

enum cfi_cfa { CFI_CFA_NONE = 0, CFI_CFA_REGISTER, CFI_CFA_EXPRESSION };
/* UNSAID: .debug_frame has no rule for it. Go's has none for its frame pointer, though it is saved. */
enum cfi_saved { CFI_SAME = 0, CFI_AT_CFA, CFI_UNDEFINED, CFI_OTHER, CFI_UNSAID };

struct cfi_row {
    uint32_t offset;          /* of the first instruction it holds for, from the range's start */
    uint8_t cfa;              /* enum cfi_cfa; NONE: nothing is said of these instructions */
    uint8_t cfa_register;
    uint8_t fp, ra;           /* enum cfi_saved */
    int32_t cfa_offset, fp_offset, ra_offset;
};

/* Reads .eh_frame, and of .debug_frame what that lacks. 0 or -ENOMEM; what makes no sense is passed over. */
int cfi_read(struct elf_file *file);

/* The number of the first range that ends behind the address. */
size_t cfi_range_from(const struct elf_file *file, uint64_t address);

/* The rows that hold from start to end, by offset; equal neighbours are one. Gives back how many, at most `most`. */
size_t cfi_rows(const struct elf_file *file, uint64_t start, uint64_t end, struct cfi_row *rows, size_t most);

/* True for the row of a function's first instruction. */
bool cfi_is_entry(const struct elf_file *file, const struct cfi_row *row);

#endif
