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

/* CFA = the word at x29+16; the caller's x29 is at x29+0, its pc at x29+8. */
#define CFI_LINKED                                         \
    .cfi_escape 0x0f, 3, 0x8d, LINK_SP, 0x06;              \
    .cfi_escape 0x10, 29, 2, 0x8d, LINK_BP;               \
    .cfi_escape 0x10, 30, 2, 0x8d, LINK_PC

    .section .tbss, "awT", %nobits
    .globl rung_m
    .hidden rung_m
    .type rung_m, %object
    .size rung_m, 8
    .align 3
rung_m:
    .zero 8

    .text

.macro save g, m
    stp x19, x20, [\g, #G_SAVED+0]
    stp x21, x22, [\g, #G_SAVED+16]
    stp x23, x24, [\g, #G_SAVED+32]
    stp x25, x26, [\g, #G_SAVED+48]
    stp x27, x28, [\g, #G_SAVED+64]
    stp d8, d9, [\g, #G_SAVED+80]
    stp d10, d11, [\g, #G_SAVED+96]
    stp d12, d13, [\g, #G_SAVED+112]
    stp d14, d15, [\g, #G_SAVED+128]
    mrs x13, fpcr
    str x13, [\m, #M_FP]
    str x13, [\g, #G_FP]
.endm

/* void rung_mcall(mcall_function *fn); goes on as rung_gogo */
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
    save x0, x1
#if RUNG_MUTANT == MUTANT_LINK_CUT_EARLY
    mov x10, xzr
    adr x11, rung_link_end
#endif
    stp x10, x11, [x14, #LINK_BP]
    str x12, [x14, #LINK_SP]
    mov sp, x14
    mov x29, x14
    CFI_LINKED
    blr x9
    b rung_gogo
    .cfi_endproc
    .size rung_mcall, . - rung_mcall

/*
 * Goes on with the goroutine in x0. Until its frame is in x29 the walk is that of what leaves; from then on the
 * goroutine's: its frame at x9, its pc in x16.
 */
.macro go_on
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
.endm

/* Jumped to on g0, with m->link, cut, as its frame: goes on with the goroutine in x0. */
    .type rung_gogo, %function
    .p2align 5
rung_gogo:
    .cfi_startproc
    CFI_LINKED
    go_on
    .cfi_endproc
    .size rung_gogo, . - rung_gogo

/* void rung_switch(m, from, to): from the one goroutine's stack to the other's, past g0; without one, as mcall(depart_m) */
    .globl rung_switch
    .hidden rung_switch
    .hidden depart_m
    .type rung_switch, %function
    .p2align 5
rung_switch:
    .cfi_startproc
    cbz x2, .Lby_g0
    stp x29, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset x29, -16
    .cfi_offset x30, -8
#if RUNG_MUTANT == MUTANT_OWN_BP
    mov x10, sp
    str x10, [x1, #G_BP]
#else
    str x29, [x1, #G_BP]
#endif
    mov x29, sp
#if RUNG_MUTANT == MUTANT_CFI_OFF_BY_8
    .cfi_def_cfa x29, 24
#else
    .cfi_def_cfa_register x29
#endif
    add x12, sp, #16                      /* the caller's sp */
    stp x12, x30, [x1, #G_SP]
    save x1, x0
    mov x0, x2
    .cfi_remember_state
    go_on
    .cfi_restore_state
    .cfi_def_cfa sp, 0
    .cfi_same_value x29
    .cfi_same_value x30
.Lby_g0:
    adrp x0, depart_m
    add x0, x0, :lo12:depart_m
    b rung_mcall
    .cfi_endproc
    .size rung_switch, . - rung_switch

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

/* Where a new goroutine begins: x19 = g, sp = x29 = its root record. It never comes back here: no bl, see x86_64. */
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
    adr x30, 1f
    b rung_goroutine_main
1:  brk #1
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

/* noreturn void rung_mstart(void *m, void *(*fn)(void *m)); goes on as rung_gogo */
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
    adr x10, rung_link_end
    stp xzr, x10, [x9, #LINK_BP]
    str x29, [x9, #LINK_SP]               /* any address above */
    str x9, [x0, #M_LINK]
    mov sp, x9
    mov x29, x9
    CFI_LINKED
    blr x1
    b rung_gogo
    .cfi_endproc
    .size rung_mstart, . - rung_mstart

/* Where walks end after the cut: see arch.h. */
    .globl rung_link_end
    .hidden rung_link_end
    .type rung_g0_root, %function
rung_g0_root:
    .cfi_startproc
    .cfi_undefined x30
    nop                            /* looked up by one less */
rung_link_end:
    brk #1
    .cfi_endproc
    .size rung_g0_root, . - rung_g0_root

    .section .note.GNU-stack, "", %progbits
