/* SPDX-License-Identifier: MIT */
/*
 * cpu.h: what the checker has to know about each CPU. Registers have their DWARF numbers, so that what is decoded
 * and what CFI says can be compared as it is.
 */
#ifndef RUNG_CHECK_CPU_H
#define RUNG_CHECK_CPU_H

#include "base/base.h"

enum { REGISTERS = 32, NO_REGISTER = 0xff };

/* A register in a mask of them; NO_REGISTER is none. */
static inline uint32_t register_bit(uint8_t number)
{
    return number < REGISTERS ? 1u << number : 0;
}

struct cpu {
    const char *name;
    int machine;             /* EM_X86_64 or EM_AARCH64 */
    uint8_t sp, fp;
    uint8_t registers;       /* how many are followed */
    uint8_t link;            /* the register a call leaves its return address in, or NO_REGISTER: pushed */
    uint8_t return_column;   /* CFI's number of the return address */
    int entry_offset;        /* CFA - sp at a function's first instruction */
    uint8_t kernel_number;   /* the register with a system call's number */
    uint8_t kernel_ends[3];  /* those that do not return: exit, exit_group, rt_sigreturn */
    uint32_t caller_saved;   /* registers that a call may change, as a mask */
    const char *register_names[REGISTERS];
};

extern const struct cpu cpu_x86_64, cpu_aarch64;

/* NULL for a machine that is not known. */
const struct cpu *cpu_of_machine(int machine);

#endif
