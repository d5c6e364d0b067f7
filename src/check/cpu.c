/* SPDX-License-Identifier: MIT */
#include "check/cpu.h"

#include <elf.h>

const struct cpu cpu_x86_64 = {
    .name = "x86-64", .machine = EM_X86_64, .sp = 7, .fp = 6, .registers = 16, .link = NO_REGISTER, .return_column = 16,
    .entry_offset = 8, .kernel_number = 0, .kernel_ends = { 60, 231, 15 },
    .caller_saved = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 4 | 1u << 5 | 0xfu << 8, /* rax rdx rcx rsi rdi r8-r11 */
    .register_names = { "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
                        "r13", "r14", "r15" },
};

const struct cpu cpu_aarch64 = {
    .name = "arm64", .machine = EM_AARCH64, .sp = 31, .fp = 29, .registers = 32, .link = 30,
    .return_column = 30,
    .entry_offset = 0, .kernel_number = 8, .kernel_ends = { 93, 94, 139 },
    .caller_saved = 0x7ffffu | 1u << 30, /* x0-x18, x30 */
    .register_names = { "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
                        "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27",
                        "x28", "x29", "x30", "sp" },
};

const struct cpu *cpu_of_machine(int machine)
{
    return machine == EM_X86_64 ? &cpu_x86_64 : machine == EM_AARCH64 ? &cpu_aarch64 : NULL;
}
