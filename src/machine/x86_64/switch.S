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

/* CFA = the word at rbp+16; the caller's rbp is at rbp+0, its pc at rbp+8. */
#define CFI_LINKED                                         \
    .cfi_escape 0x0f, 3, 0x76, LINK_SP, 0x06;              \
    .cfi_escape 0x10, 6, 2, 0x76, LINK_BP;                \
    .cfi_escape 0x10, 16, 2, 0x76, LINK_PC

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
 * The x87 control word is cheap to read, and lies in the witness, too; libc changes it whenever it changes mxcsr
 * (fesetround, fesetenv, feenableexcept). Not seen is a change of mxcsr's exception masks alone, past libc. The
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

.macro witness trapping                  /* at rsi is m */
    fnstcw M_X87_NOW(%rsi)
    testb $0x10, M_X87_NOW(%rsi)
    jz \trapping                         /* underflow is not masked: a denormal result would trap */
    roundps $0x0c, .Lhalves(%rip), %xmm0  /* by mxcsr's mode; 8: without the inexact flag */
    movaps .Lsmall(%rip), %xmm1
    subps .Lsmaller(%rip), %xmm1
    roundps $0x0a, .Ldenormal(%rip), %xmm2
    por %xmm1, %xmm0
    por %xmm2, %xmm0
    pinsrw $0, M_X87_NOW(%rsi), %xmm0     /* the low half of a rounded 0.5 is 0 */
.endm

.macro save g, changed                   /* what the ABI preserves; at `changed` m's memory of mxcsr no longer holds */
    movq %rbx, G_SAVED+0(\g)
    movq %r12, G_SAVED+8(\g)
    movq %r13, G_SAVED+16(\g)
    movq %r14, G_SAVED+24(\g)
    movq %r15, G_SAVED+32(\g)
    witness \changed
    pxor M_WITNESS(%rsi), %xmm0
    ptest %xmm0, %xmm0
    jnz \changed
.endm

.macro fp_changed g                      /* m shall remember what the CPU holds now, and g what it goes on with */
    stmxcsr M_FP(%rsi)
    fnstcw M_FP+4(%rsi)
    movq M_FP(%rsi), %rcx
    movq %rcx, G_FP(\g)
    pxor %xmm0, %xmm0                     /* no witness: it is looked at each time */
    witness 9f
9:  movaps %xmm0, M_WITNESS(%rsi)
.endm

    .text

/* void rung_mcall(mcall_function *fn); goes on as rung_gogo */
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
    save %rdi, .Lfp_changed
.Lfp_known:
#if RUNG_MUTANT == MUTANT_LINK_CUT_EARLY
    xorl %ecx, %ecx
    leaq .Lroot(%rip), %rdx
#endif
    movq %rcx, LINK_BP(%r8)
    movq %rdx, LINK_PC(%r8)
    movq %r9, LINK_SP(%r8)
    movq %r8, %rsp
    movq %r8, %rbp
    .cfi_remember_state
    CFI_LINKED
    call *%rax
    jmp rung_gogo
    .cfi_restore_state
.Lfp_changed:
    fp_changed %rdi
    movq 0(%rbp), %rcx
    jmp .Lfp_known
    .cfi_endproc
    .size rung_mcall, . - rung_mcall

/*
 * Goes on with the goroutine in rdi, which finds m in rsi. Until its frame is in rbp the walk is that of what leaves; from then on
 * the goroutine's: its frame at rdx, its pc in rcx.
 */
.macro go_on
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
.endm

/* Jumped to on g0, with m->link, cut, as its frame: goes on with the goroutine in rax. */
    .type rung_gogo, @function
    .p2align 5
rung_gogo:
    .cfi_startproc
    CFI_LINKED
    movq %rax, %rdi
    movq rung_m@gottpoff(%rip), %rsi
    movq %fs:(%rsi), %rsi
    go_on
    .cfi_endproc
    .size rung_gogo, . - rung_gogo

/*
 * rdi = the goroutine to go on with, rsi = m, rdx = the one that leaves, rax = its pc, pushed by machine_switch: from
 * the one's stack to the other's, past g0; or, without one, as mcall(depart_m).
 */
    .globl rung_switch
    .hidden rung_switch
    .hidden depart_m
    .type rung_switch, @function
    .p2align 5
rung_switch:
    .cfi_startproc
    testq %rdi, %rdi
    jz .Lby_g0
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
#if RUNG_MUTANT == MUTANT_OWN_BP
    movq %rsp, G_BP(%rdx)
#else
    movq %rbp, G_BP(%rdx)
#endif
    movq %rsp, %rbp
#if RUNG_MUTANT == MUTANT_CFI_OFF_BY_8
    .cfi_def_cfa rbp, 24
#else
    .cfi_def_cfa_register rbp
#endif
    leaq 16(%rsp), %rcx
    movq %rcx, G_SP(%rdx)
    movq %rax, G_PC(%rdx)
    save %rdx, .Lfp_changed_in_switch
.Lfp_known_in_switch:
    .cfi_remember_state
    go_on
    .cfi_restore_state
.Lfp_changed_in_switch:
    fp_changed %rdx
    jmp .Lfp_known_in_switch
    .cfi_def_cfa rsp, 8
    .cfi_same_value rbp
.Lby_g0:
    leaq depart_m(%rip), %rdi
    jmp rung_mcall
    .cfi_endproc
    .size rung_switch, . - rung_switch

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

/*
 * Where a new goroutine begins: rbx = g, rsp = rbp = its root record. It never comes back here, so goroutine_main is not called
 * but pushed and jumped to: an entry of the return predictor that nobody takes out would be in the way of all others.
 */
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
    leaq 1f(%rip), %rax
    pushq %rax
    jmp rung_goroutine_main
1:  ud2
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
    movq %rdi, %rsi
    movq %rax, M_FP(%rsi)
    ldmxcsr M_FP(%rsi)
    fldcw M_FP+4(%rsi)
    pxor %xmm0, %xmm0
    witness 9f
9:  movaps %xmm0, M_WITNESS(%rsi)
    popq %rbp
    .cfi_def_cfa rsp, 8
    .cfi_same_value rbp
    ret
    .cfi_endproc
    .size rung_fp_load, . - rung_fp_load

/* noreturn void rung_mstart(void *m, void *(*fn)(void *m)); goes on as rung_gogo */
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
    leaq .Lroot(%rip), %rcx
    movq $0, LINK_BP(%rax)
    movq %rcx, LINK_PC(%rax)
    movq %rbp, LINK_SP(%rax)              /* any address above */
    movq %rax, M_LINK(%rdi)
    movq %rax, %rsp
    movq %rax, %rbp
    CFI_LINKED
    call *%rsi
    jmp rung_gogo
    .cfi_endproc
    .size rung_mstart, . - rung_mstart

/* Where walks end after the cut: see arch.h. */
    .type rung_g0_root, @function
rung_g0_root:
    .cfi_startproc
    .cfi_undefined rip
    nop                                   /* looked up by one less */
.Lroot:
    ud2
    .cfi_endproc
    .size rung_g0_root, . - rung_g0_root

/* What m->link is cut to. */
    .section .data.rel.ro, "aw"
    .globl rung_link_end
    .hidden rung_link_end
    .type rung_link_end, @object
    .size rung_link_end, 16
    .p2align 4
rung_link_end:
    .quad 0, .Lroot

    .section .note.GNU-stack, "", @progbits
