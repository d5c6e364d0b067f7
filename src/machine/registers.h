/* SPDX-License-Identifier: MIT */
/*
 * registers.h: what the unwinder asks of a port: what CFI and signal frames call the registers, and which code is a linkage stub.
 *
 *   DWARF_*, ENTRY_*, ...         numbers of registers, and the state at a function's first instruction
 *   REGISTERS_CONTEXT_BYTES       of a signal's ucontext, as far as it is read
 *   registers_read(uc, n, &value) the register of a DWARF number; false where the number means none
 *   registers_stub(code)          a linkage stub without CFI, and how many words it has pushed at this instruction; -1: it is
 *                                 none
 *   registers_is_signal_return(code)  at one of the two instructions that a signal's handler returns to, or the byte before
 *   CODE_BEFORE, CODE_AFTER       how many bytes around these two look at
 *   registers_capture(&r)         the registers of the caller of the function that this is written in, just behind the call:
 *                                 true; or of that function itself, at this instruction: false, and its caller is a step away
 *   registers_strip(pc)           a return address without its signature
 */
#ifndef RUNG_REGISTERS_H
#define RUNG_REGISTERS_H

#include <string.h>
#include <ucontext.h>

#include "base/base.h"

struct registers {
    uintptr_t pc, sp, fp, lr, base;
};

#if defined(__x86_64__)
#include "machine/x86_64/registers.h"
#else
#include "machine/aarch64/registers.h"
#endif

#endif
