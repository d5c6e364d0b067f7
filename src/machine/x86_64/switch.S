/* SPDX-License-Identifier: MIT */
/*
 * switch.S for x86-64: see machine/arch.h for what each routine promises.
 *
 * System V ABI: arguments in rdi, rsi; preserved are rbx, rbp, r12 to r15, rsp, the control bits of
 * mxcsr and the x87 control word. Every routine sets up an ordinary frame first, so that a walk by
 * frame pointers from any instruction after that finds the caller; CFI says the same throughout.
 *
 *              mcall's frame                     struct machine_link (at m->link, on g0)
 *   rbp+8    return pc                    +16   caller's sp, for CFI
 *   rbp      caller's rbp                  +8   return pc      } a frame record like any other:
 *                                           0   caller's rbp   } g0's rbp points here
 */
#include "base/mutants.h"
#include "machine/arch.h"

/* CFA = the word at rbp+16; the caller's rbp and pc are where the link holds them. */
#define CFI_LINKED                                                                  \
    .cfi_escape 0x0f, 3, 0x76, LINK_SP, 0x06;      /* def_cfa_expression: *(rbp+16) */ \
    .cfi_escape 0x10, 6, 2, 0x76, LINK_BP;         /* rbp at rbp+0 */                  \
    .cfi_escape 0x10, 16, 2, 0x76, LINK_PC         /* rip at rbp+8 */

    .section .tbss, "awT", @nobits
    .globl rung_m
    .hidden rung_m
    .type rung_m, @object
    .size rung_m, 8
    .align 8
rung_m:
    .zero 8

/*
 * Has the goroutine changed mxcsr? Reading it takes 4.5 ns on some CPUs (Zen 4), as long as the rest of a
 * switch. Instead three vector operations, whose results depend on its control bits and which raise no flag,
 * leave a witness in xmm0 that is compared with the one of what m remembers:
 *   0.5, -0.5 and 1.5 rounded by the mode in mxcsr     tell the rounding mode
 *   a denormal rounded up                              1, or 0 with denormals-are-zero
 *   a subtraction whose exact result is a denormal     that, or 0 with flush-to-zero
 * The x87 control word is cheap to read, and libc changes it whenever it changes mxcsr (fesetround, fesetenv,
 * feenableexcept). Not seen is a change of mxcsr's exception masks alone, past libc. The
 * flags in mxcsr stay with the thread. Vector registers are the caller's to lose here.
 */
    .section .rodata
    .p2align 4
.Lhalves:
    .float 0.5, -0.5, 1.5, 0
.Lsmall:
    .long 0, 0, 0, 0x00c00000             /* 1.5 * 2^-126 */
.Lsmaller:
    .long 0, 0, 0, 0x00800000             /* 2^-126, the least normal number */
.Ldenormal:
    .long 0, 0, 0, 1

.macro witness
    roundps $0x0c, .Lhalves(%rip), %xmm0  /* by mxcsr's mode; 8: without the inexact flag */
    movaps .Lsmall(%rip), %xmm1
    subps .Lsmaller(%rip), %xmm1
    roundps $0x0a, .Ldenormal(%rip), %xmm2
    por %xmm1, %xmm0
    por %xmm2, %xmm0
.endm

    .text

/* void rung_mcall(mcall_function *fn) */
    .globl rung_mcall
    .hidden rung_mcall
    .type rung_mcall, @function
    .p2align 5
rung_mcall:
    .cfi_startproc
    endbr64
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    movq %rsp, %rbp
#if RUNG_MUTANT == MUTANT_CFI_OFF_BY_8
    .cfi_def_cfa rbp, 24
#else
    .cfi_def_cfa_register rbp
#endif
    movq rung_m@gottpoff(%rip), %rax
    movq %fs:(%rax), %rsi                 /* m: fn's second argument */
    movq %rdi, %rax                       /* fn */
    movq M_G(%rsi), %rdi                  /* g: fn's first argument */
    movq M_LINK(%rsi), %r8
    movq 0(%rbp), %rcx                    /* the caller's rbp */
    movq 8(%rbp), %rdx                    /* the caller's pc */
    leaq 16(%rbp), %r9                    /* the caller's rsp */
    movq %r9, G_SP(%rdi)
    movq %rdx, G_PC(%rdi)
#if RUNG_MUTANT == MUTANT_OWN_BP
    movq %rbp, G_BP(%rdi)
#else
    movq %rcx, G_BP(%rdi)
#endif
    movq %rbx, G_SAVED+0(%rdi)
    movq %r12, G_SAVED+8(%rdi)
    movq %r13, G_SAVED+16(%rdi)
    movq %r14, G_SAVED+24(%rdi)
    movq %r15, G_SAVED+32(%rdi)
    witness
    pcmpeqd M_WITNESS(%rsi), %xmm0
    pmovmskb %xmm0, %r10d
    fnstcw M_X87_NOW(%rsi)
    cmpl $0xffff, %r10d
    jne .Lfp_changed
    movzwl M_X87_NOW(%rsi), %r10d
    cmpw %r10w, M_FP+4(%rsi)
    jne .Lfp_changed
.Lfp_known:
#if RUNG_MUTANT == MUTANT_LINK_CUT_EARLY
    xorl %ecx, %ecx
    xorl %edx, %edx
#endif
    movq %rcx, LINK_BP(%r8)
    movq %rdx, LINK_PC(%r8)
    movq %r9, LINK_SP(%r8)
    movq %r8, %rsp
    movq %r8, %rbp
    .cfi_remember_state
    CFI_LINKED
    leaq .Lfn_returned(%rip), %r10        /* a call, but unknown to the return predictor: see port.h */
    pushq %r10
    notrack jmp *%rax
.Lfn_returned:
    ud2
    .cfi_restore_state
.Lfp_changed:
    stmxcsr M_FP(%rsi)
    fnstcw M_FP+4(%rsi)
    witness
    movaps %xmm0, M_WITNESS(%rsi)
    jmp .Lfp_known
    .cfi_endproc
    .size rung_mcall, . - rung_mcall

/* noreturn void rung_gogo(void *g) */
    .globl rung_gogo
    .hidden rung_gogo
    .type rung_gogo, @function
    .p2align 5
rung_gogo:
    .cfi_startproc
    endbr64
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register rbp
    movq G_PC(%rdi), %rcx
    movq G_SP(%rdi), %rdx
    movq G_SAVED+0(%rdi), %rbx
    .cfi_undefined rbx
    movq G_SAVED+8(%rdi), %r12
    .cfi_undefined r12
    movq G_SAVED+16(%rdi), %r13
    .cfi_undefined r13
    movq G_SAVED+24(%rdi), %r14
    .cfi_undefined r14
    movq G_SAVED+32(%rdi), %r15
    .cfi_undefined r15
    movq G_BP(%rdi), %rbp
    /* From here on the walk is the goroutine's: its frame at rdx, its pc in rcx. */
    .cfi_def_cfa rdx, 0
    .cfi_same_value rbp
    .cfi_register rip, rcx
    .cfi_same_value rbx
    .cfi_same_value r12
    .cfi_same_value r13
    .cfi_same_value r14
    .cfi_same_value r15
    movq %rdx, %rsp
    notrack jmp *%rcx
    .cfi_endproc
    .size rung_gogo, . - rung_gogo

/* void rung_systemstack(void (*fn)(void *), void *arg) */
    .globl rung_systemstack
    .hidden rung_systemstack
    .type rung_systemstack, @function
    .p2align 5
rung_systemstack:
    .cfi_startproc
    endbr64
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register rbp
    movq rung_m@gottpoff(%rip), %rax
    movq %fs:(%rax), %rax
    movq M_LINK(%rax), %rsp
    movq %rdi, %rax
    movq %rsi, %rdi
    call *%rax
    movq %rbp, %rsp
    popq %rbp
    .cfi_def_cfa rsp, 8
    .cfi_same_value rbp
    ret
    .cfi_endproc
    .size rung_systemstack, . - rung_systemstack

/* Where a new goroutine begins: rbx = g, rsp = rbp = its root record. */
    .globl rung_goroutine_start
    .hidden rung_goroutine_start
    .type rung_goroutine_start, @function
    .p2align 5
    .cfi_startproc
    .cfi_def_cfa rbp, 16
    .cfi_undefined rip
    .cfi_undefined rbp
    nop                                   /* saved as a return pc: unwinders look up one less */
rung_goroutine_start:
    movq %rbx, %rdi
    call rung_goroutine_main
    ud2
    .cfi_endproc
    .size rung_goroutine_start, . - rung_goroutine_start

/* void rung_fp_load(struct machine_m *m, const struct fp_control *fp) */
    .globl rung_fp_load
    .hidden rung_fp_load
    .type rung_fp_load, @function
    .p2align 5
rung_fp_load:
    .cfi_startproc
    endbr64
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register rbp
    movq (%rsi), %rax
    movq %rax, M_FP(%rdi)
    ldmxcsr M_FP(%rdi)
    fldcw M_FP+4(%rdi)
    witness
    movaps %xmm0, M_WITNESS(%rdi)
    popq %rbp
    .cfi_def_cfa rsp, 8
    .cfi_same_value rbp
    ret
    .cfi_endproc
    .size rung_fp_load, . - rung_fp_load

/* noreturn void rung_mstart(void *m, void (*fn)(void *m)) */
    .globl rung_mstart
    .hidden rung_mstart
    .type rung_mstart, @function
    .p2align 5
rung_mstart:
    .cfi_startproc
    endbr64
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register rbp
    leaq -48(%rbp), %rax
    andq $-16, %rax
    movq $0, LINK_BP(%rax)
    movq $0, LINK_PC(%rax)
    movq $0, LINK_SP(%rax)
    movq %rax, M_LINK(%rdi)
    movq %rax, %rsp
    movq %rax, %rbp
    .cfi_def_cfa rbp, 16
    .cfi_undefined rip
    .cfi_undefined rbp
    call *%rsi
    ud2
    .cfi_endproc
    .size rung_mstart, . - rung_mstart

    .section .note.GNU-stack, "", @progbits
