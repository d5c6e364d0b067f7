/* SPDX-License-Identifier: MIT */
/*
 * target.h: a program that is run one instruction at a time, by ptrace (x86-64) or by the gdb stub of
 * qemu-user (arm64); and its call frame information, read by elfutils.
 */
#ifndef STEP_TARGET_H
#define STEP_TARGET_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Registers by DWARF's numbers; the pc has one of its own. */
enum { REGISTERS = 34, X86_FP = 6, X86_SP = 7, X86_PC = 16, ARM_FP = 29, ARM_LR = 30, ARM_SP = 31, ARM_PC = 32 };

struct registers {
    uint64_t r[REGISTERS];
};

/* The CPU of the program. */
struct cpu {
    bool is_arm;
    int pc, sp, fp, ra; /* ra: the column in CFI; on arm64 the register lr */
    int arg0, result;   /* first argument; what a function gives back */
};
extern struct cpu cpu;

__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

/* ---- target.c ---- */

/* Starts the program, stopped before its first instruction; arguments[0] is qemu on arm64. */
void target_start(char **arguments);

/* Runs until some thread is about to execute the instruction at `address`: that one is stepped from now on. */
void target_run_to(uint64_t address);

/* Stops all other threads, each while it sleeps in the kernel. */
void target_freeze_others(void);

/* One instruction, or the delivery of a signal (0: none). */
void target_step(int signal);

/* Runs the thread that is stepped, alone, until it is about to execute the instruction at `address`. */
void target_skip_to(uint64_t address);

/* Lets the program go on by itself. Gives back its wait status. */
int target_finish(void);

void target_registers(struct registers *registers);
pid_t target_process(void);

/* Memory as it is now. False where there is none. */
bool target_read(uint64_t address, void *bytes, size_t count);
uint64_t target_word(uint64_t address);

/* ---- frames.c ---- */

/* Reads the program's file: CPU and symbols. */
void program_open(const char *path);
uint64_t program_symbol(const char *name, uint64_t *size); /* as loaded; 0: none */
bool program_has(uint64_t address);
const char *program_function(uint64_t address);

/*
 * The caller's registers by CFI. `is_exact`: pc is an instruction to execute, not a return address.
 * Gives back 1; 0 at the root; -1 where CFI says nothing. *is_signal: this frame is a signal's.
 */
int frame_next(struct registers *registers, bool is_exact, bool *is_signal);

#endif
