/* SPDX-License-Identifier: MIT */
/*
 * switch.S for arm64: see machine/arch.h for what each routine promises.
 *
 * AAPCS64: arguments in x0, x1; preserved are x19 to x29, sp, the low halves of v8 to v15, and FPCR. Every
 * routine stores an ordinary frame record first; CFI says the same as the record throughout.
 *
 *              mcall's frame                     struct machine_link (at m->link, on g0)
 *   x29+8    return pc                    +16   caller's sp, for CFI
 *   x29      caller's x29                  +8   return pc      } a frame record like any other:
 *                                           0   caller's x29   } g0's x29 points here
 */
#include "base/mutants.h"
#include "machine/arch.h"

/* CFA = the word at x29+16; the caller's x29 and pc are where the link holds them. */
#define CFI_LINKED                                                                  \
    .cfi_escape 0x0f, 3, 0x8d, LINK_SP, 0x06       ; /* def_cfa_expression: *(x29+16) */ \
    .cfi_escape 0x10, 29, 2, 0x8d, LINK_BP         ; /* x29 at x29+0 */                  \
    .cfi_escape 0x10, 30, 2, 0x8d, LINK_PC           /* x30 at x29+8 */

    .section .tbss, "awT", %nobits
    .globl rung_m
    .hidden rung_m
    .type rung_m, %object
    .size rung_m, 8
    .align 3
rung_m:
    .zero 8

    .text

/* void rung_mcall(mcall_function *fn) */
    .globl rung_mcall
    .hidden rung_mcall
    .type rung_mcall, %function
    .p2align 5
rung_mcall:
    .cfi_startproc
    stp x29, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset x29, -16
    .cfi_offset x30, -8
    mov x29, sp
#if RUNG_MUTANT == MUTANT_CFI_OFF_BY_8
    .cfi_def_cfa x29, 24
#else
    .cfi_def_cfa_register x29
#endif
    mrs x9, tpidr_el0
    adrp x10, :gottprel:rung_m
    ldr x10, [x10, :gottprel_lo12:rung_m]
    ldr x1, [x9, x10]                     /* m: fn's second argument */
    mov x9, x0                            /* fn */
    ldr x0, [x1, #M_G]                    /* g: fn's first argument */
    ldr x14, [x1, #M_LINK]
    ldp x10, x11, [x29]                   /* the caller's x29 and pc */
    add x12, x29, #16                     /* the caller's sp */
    stp x12, x11, [x0, #G_SP]
#if RUNG_MUTANT == MUTANT_OWN_BP
    str x29, [x0, #G_BP]
#else
    str x10, [x0, #G_BP]
#endif
    stp x19, x20, [x0, #G_SAVED+0]
    stp x21, x22, [x0, #G_SAVED+16]
    stp x23, x24, [x0, #G_SAVED+32]
    stp x25, x26, [x0, #G_SAVED+48]
    stp x27, x28, [x0, #G_SAVED+64]
    stp d8, d9, [x0, #G_SAVED+80]
    stp d10, d11, [x0, #G_SAVED+96]
    stp d12, d13, [x0, #G_SAVED+112]
    stp d14, d15, [x0, #G_SAVED+128]
    mrs x13, fpcr
    str x13, [x1, #M_FP]
#if RUNG_MUTANT == MUTANT_LINK_CUT_EARLY
    mov x10, xzr
    mov x11, xzr
#endif
    stp x10, x11, [x14, #LINK_BP]
    str x12, [x14, #LINK_SP]
    mov sp, x14
    mov x29, x14
    CFI_LINKED
    blr x9
    brk #1
    .cfi_endproc
    .size rung_mcall, . - rung_mcall

/* noreturn void rung_gogo(void *g) */
    .globl rung_gogo
    .hidden rung_gogo
    .type rung_gogo, %function
    .p2align 5
rung_gogo:
    .cfi_startproc
    stp x29, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset x29, -16
    .cfi_offset x30, -8
    mov x29, sp
    .cfi_def_cfa_register x29
    ldp x9, x16, [x0, #G_SP]
    ldp x19, x20, [x0, #G_SAVED+0]
    .cfi_undefined x19
    .cfi_undefined x20
    ldp x21, x22, [x0, #G_SAVED+16]
    .cfi_undefined x21
    .cfi_undefined x22
    ldp x23, x24, [x0, #G_SAVED+32]
    .cfi_undefined x23
    .cfi_undefined x24
    ldp x25, x26, [x0, #G_SAVED+48]
    .cfi_undefined x25
    .cfi_undefined x26
    ldp x27, x28, [x0, #G_SAVED+64]
    .cfi_undefined x27
    .cfi_undefined x28
    ldp d8, d9, [x0, #G_SAVED+80]
    ldp d10, d11, [x0, #G_SAVED+96]
    ldp d12, d13, [x0, #G_SAVED+112]
    ldp d14, d15, [x0, #G_SAVED+128]
    ldr x29, [x0, #G_BP]
    /* From here on the walk is the goroutine's: its frame at x9, its pc in x16. */
    .cfi_def_cfa x9, 0
    .cfi_same_value x29
    .cfi_register x30, x16
    .cfi_same_value x19
    .cfi_same_value x20
    .cfi_same_value x21
    .cfi_same_value x22
    .cfi_same_value x23
    .cfi_same_value x24
    .cfi_same_value x25
    .cfi_same_value x26
    .cfi_same_value x27
    .cfi_same_value x28
    mov sp, x9
    br x16
    .cfi_endproc
    .size rung_gogo, . - rung_gogo

/* void rung_systemstack(void (*fn)(void *), void *arg) */
    .globl rung_systemstack
    .hidden rung_systemstack
    .type rung_systemstack, %function
    .p2align 5
rung_systemstack:
    .cfi_startproc
    stp x29, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset x29, -16
    .cfi_offset x30, -8
    mov x29, sp
    .cfi_def_cfa_register x29
    mrs x9, tpidr_el0
    adrp x10, :gottprel:rung_m
    ldr x10, [x10, :gottprel_lo12:rung_m]
    ldr x9, [x9, x10]
    ldr x9, [x9, #M_LINK]
    mov sp, x9
    mov x9, x0
    mov x0, x1
    blr x9
    mov sp, x29
    ldp x29, x30, [sp], #16
    .cfi_def_cfa sp, 0
    .cfi_same_value x29
    .cfi_same_value x30
    ret
    .cfi_endproc
    .size rung_systemstack, . - rung_systemstack

/* Where a new goroutine begins: x19 = g, sp = x29 = its root record. */
    .globl rung_goroutine_start
    .hidden rung_goroutine_start
    .type rung_goroutine_start, %function
    .p2align 5
    .cfi_startproc
    .cfi_def_cfa x29, 16
    .cfi_undefined x30
    .cfi_undefined x29
    nop                                   /* saved as a return pc: unwinders look up one less */
rung_goroutine_start:
    mov x0, x19
    bl rung_goroutine_main
    brk #1
    .cfi_endproc
    .size rung_goroutine_start, . - rung_goroutine_start

/* void rung_fp_load(struct machine_m *m, const struct fp_control *fp) */
    .globl rung_fp_load
    .hidden rung_fp_load
    .type rung_fp_load, %function
    .p2align 5
rung_fp_load:
    .cfi_startproc
    ldr x9, [x1]
    str x9, [x0, #M_FP]
    msr fpcr, x9
    ret
    .cfi_endproc
    .size rung_fp_load, . - rung_fp_load

/* noreturn void rung_mstart(void *m, void (*fn)(void *m)) */
    .globl rung_mstart
    .hidden rung_mstart
    .type rung_mstart, %function
    .p2align 5
rung_mstart:
    .cfi_startproc
    stp x29, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset x29, -16
    .cfi_offset x30, -8
    mov x29, sp
    .cfi_def_cfa_register x29
    sub x9, sp, #32
    stp xzr, xzr, [x9, #LINK_BP]
    str xzr, [x9, #LINK_SP]
    str x9, [x0, #M_LINK]
    mov sp, x9
    mov x29, x9
    .cfi_def_cfa x29, 16
    .cfi_undefined x30
    .cfi_undefined x29
    blr x1
    brk #1
    .cfi_endproc
    .size rung_mstart, . - rung_mstart

    .section .note.GNU-stack, "", %progbits
