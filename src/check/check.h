/* SPDX-License-Identifier: MIT */
/*
 * check.h: the verdict on each function of a file.
 *
 *   framed        at each call the frame pointer points at a true record: the walk is exact
 *   leaf          calls nothing and makes no record: hides its caller while it is on top
 *   transparent   makes calls without a record of its own: one frame is missing from each walk through it
 *   clobber       the frame pointer holds something else at some instruction: the chain is broken there
 *   unknown       the code could not be followed
 *
 * The worst place decides. That the top frame's caller is missing within a prologue or an epilogue (a window) is true
 * of every function and no class.
 */
#ifndef RUNG_CHECK_CHECK_H
#define RUNG_CHECK_CHECK_H

#include "check/flow.h"

enum class { CLASS_NONE = 0, CLASS_FRAMED, CLASS_LEAF, CLASS_TRANSPARENT, CLASS_CLOBBER, CLASS_UNKNOWN, CLASSES };

struct verdict {
    uint8_t class;
    uint8_t finding_count;
    uint32_t first_finding;  /* in report.findings */
    uint32_t bytes;          /* that no other function covers */
    uint32_t calls, calls_whole, calls_caller, calls_broken;
    uint32_t unreached_bytes;
    uint32_t breaks_at;      /* the first instruction at which the chain is not whole, or UNKNOWN_OFFSET: none */
    uint32_t breaks_call;    /* the first call at which it is not */
};

struct report {              /* on one file */
    const struct elf_file *file;
    const struct cpu *cpu;
    struct calls calls;       /* with all that may park */
    struct incoming *incoming; /* the jumps into parts, by target */
    size_t incoming_count, incoming_room;
    struct verdict *verdicts; /* one for each of file->functions */
    struct finding *findings; /* functions' findings, each function's together */
    size_t finding_count;
    uint64_t unreached_bytes;
    struct decoder *decoder;  /* for what is printed; it has seen most of the file */
};

/* 0 or -ENOMEM. Uses at most `threads` threads; 0: as many as there are CPUs. */
int check_file(struct report *report, const struct elf_file *file, unsigned threads);
void check_release(struct report *report);

/* The jumps that lead into the function. */
const struct incoming *check_entries(const struct report *report, const struct elf_function *function, size_t *count);

const char *class_name(enum class class);

#endif
