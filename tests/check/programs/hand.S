/* SPDX-License-Identifier: MIT */
/* Assembly by hand, called by work_hand.c: with a record, without, with the frame pointer as scratch; with CFI and without. */
    .text
#ifdef __x86_64__
    .globl hand_framed
    .type hand_framed, @function
hand_framed:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register 6
    call hand_leaf
    inc %rax
    pop %rbp
    .cfi_def_cfa 7, 8
    ret
    .cfi_endproc
    .size hand_framed, . - hand_framed

    .globl hand_leaf
    .type hand_leaf, @function
hand_leaf:
    lea 3(%rdi), %rax
    ret
    .size hand_leaf, . - hand_leaf

    .globl hand_scratch
    .type hand_scratch, @function
hand_scratch:
    push %rbp
    mov %rdi, %rbp
    shl $3, %rbp
    lea 1(%rbp), %rdi
    call hand_leaf
    pop %rbp
    ret
    .size hand_scratch, . - hand_scratch

    .globl hand_enter
    .type hand_enter, @function
hand_enter:
    enter $48, $0
    mov %rdi, -8(%rbp)
    call hand_leaf
    add -8(%rbp), %rax
    leave
    ret
    .size hand_enter, . - hand_enter

    .globl hand_late
    .type hand_late, @function
hand_late: /* the record is made below other things, as Go does it */
    sub $40, %rsp
    mov %rbp, 32(%rsp)
    lea 32(%rsp), %rbp
    call hand_leaf
    mov 32(%rsp), %rbp
    add $40, %rsp
    ret
    .size hand_late, . - hand_late

    .globl hand_table
    .type hand_table, @function
hand_table:
    push %rbp
    mov %rsp, %rbp
    and $3, %edi
    lea targets(%rip), %rdx
    movslq (%rdx,%rdi,4), %rcx
    add %rdx, %rcx
    jmp *%rcx
0:  mov $10, %eax
    jmp 9f
1:  call hand_leaf
    jmp 9f
2:  push %rdi
    call hand_leaf
    pop %rdi
    jmp 9f
3:  xor %eax, %eax
9:  pop %rbp
    ret
    .size hand_table, . - hand_table
    .section .rodata
    .balign 4
targets:
    .long 0b - targets, 1b - targets, 2b - targets, 3b - targets
#else
    .globl hand_framed
    .type hand_framed, @function
hand_framed:
    .cfi_startproc
    stp x29, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset 29, -16
    .cfi_offset 30, -8
    mov x29, sp
    bl hand_leaf
    add x0, x0, #1
    ldp x29, x30, [sp], #16
    .cfi_restore 29
    .cfi_restore 30
    .cfi_def_cfa_offset 0
    ret
    .cfi_endproc
    .size hand_framed, . - hand_framed

    .globl hand_leaf
    .type hand_leaf, @function
hand_leaf:
    add x0, x0, #3
    ret
    .size hand_leaf, . - hand_leaf

    .globl hand_scratch
    .type hand_scratch, @function
hand_scratch:
    stp x29, x30, [sp, #-16]!
    lsl x29, x0, #3
    add x0, x29, #1
    bl hand_leaf
    ldp x29, x30, [sp], #16
    ret
    .size hand_scratch, . - hand_scratch

    .globl hand_enter
    .type hand_enter, @function
hand_enter:
    sub sp, sp, #48
    stp x29, x30, [sp, #32]
    add x29, sp, #32
    str x0, [sp]
    bl hand_leaf
    ldr x1, [sp]
    add x0, x0, x1
    ldp x29, x30, [sp, #32]
    add sp, sp, #48
    ret
    .size hand_enter, . - hand_enter

    .globl hand_late
    .type hand_late, @function
hand_late:
    str x30, [sp, #-32]!
    stur x29, [sp, #-8]
    sub x29, sp, #8
    bl hand_leaf
    ldur x29, [sp, #-8]
    ldr x30, [sp], #32
    ret
    .size hand_late, . - hand_late

    .globl hand_table
    .type hand_table, @function
hand_table:
    stp x29, x30, [sp, #-16]!
    mov x29, sp
    and x1, x0, #3
    adr x2, 0f
    add x2, x2, x1, lsl #3
    br x2
0:  mov x0, #10
    b 9f
    bl hand_leaf
    b 9f
    bl hand_leaf
    b 9f
    mov x0, #0
    b 9f
9:  ldp x29, x30, [sp], #16
    ret
    .size hand_table, . - hand_table
#endif
    .section .note.GNU-stack,"",%progbits
