/* SPDX-License-Identifier: MIT */
/* As x86_64.S says, for arm64. */
    .arch armv8.5-a
    .macro begin name
    .globl \name
    .type \name, %function
\name:
    .cfi_startproc
    .endm
    .macro end name
    .cfi_endproc
    .size \name, . - \name
    .endm
    .macro lands name
    .section .gcc_except_table, "a"
table_of_\name:
    .byte 0xff, 0xff, 1
    .uleb128 9f - 8f
8:  .uleb128 1b - \name, 2b - 1b, 3f - \name, 0
9:  .text
    .endm
    .macro save size
    stp x29, x30, [sp, #-\size]!
    .cfi_def_cfa_offset \size
    .cfi_offset 29, -\size
    .cfi_offset 30, -\size + 8
    .endm
    .macro load size
    ldp x29, x30, [sp], #\size
    .cfi_restore 29
    .cfi_restore 30
    .cfi_def_cfa_offset 0
    .endm
    .text

    begin bad_clobber__scratch
    save 16
    mov x29, x0
    bl other
    load 16
    ret
    end bad_clobber__scratch

    begin bad_clobber__at_a_landing_pad
    .cfi_lsda 0x1b, table_of_bad_clobber__at_a_landing_pad
    save 16
    mov x29, x0
1:  bl other
2:  load 16
    ret
    end bad_clobber__at_a_landing_pad
    lands bad_clobber__at_a_landing_pad
    begin bad_clobber__landed.cold
    .cfi_def_cfa_offset 16
    .cfi_offset 29, -16
    .cfi_offset 30, -8
3:  bl _Unwind_Resume
    end bad_clobber__landed.cold

    begin bad_clobber__in_a_framed_body
    save 32
    mov x29, sp
    str x29, [sp, #16]
    add x29, x29, x0
    bl other
    ldr x29, [sp, #16]
    load 32
    ret
    end bad_clobber__in_a_framed_body

    begin bad_clobber__loaded
    save 16
    ldp x29, x1, [x0]
    bl other
    load 16
    ret
    end bad_clobber__loaded

    begin bad_record__not_a_pair
    stp x29, x19, [sp, #-32]!
    .cfi_def_cfa_offset 32
    .cfi_offset 29, -32
    str x30, [sp, #16]
    .cfi_offset 30, -16
    mov x29, sp
    bl other
    ldr x30, [sp, #16]
    .cfi_restore 30
    ldp x29, x19, [sp], #32
    .cfi_restore 29
    .cfi_def_cfa_offset 0
    ret
    end bad_record__not_a_pair

    begin bad_record__points_past
    save 32
    add x29, sp, #16
    bl other
    load 32
    ret
    end bad_record__points_past

    .globl bad_not_restored__returns
    .type bad_not_restored__returns, %function
bad_not_restored__returns:
    mov x29, x0
    ret
    .size bad_not_restored__returns, . - bad_not_restored__returns

    begin bad_transparent__lr_alone
    str x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset 30, -16
    bl other
    ldr x30, [sp], #16
    .cfi_restore 30
    .cfi_def_cfa_offset 0
    ret
    end bad_transparent__lr_alone

    begin bad_cfi__off_by_sixteen
    save 16
    .cfi_def_cfa_offset 32
    mov x29, sp
    bl other
    load 16
    ret
    end bad_cfi__off_by_sixteen

    begin bad_cfi__lr_untold
    stp x29, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset 29, -16
    mov x29, sp
    bl other
    load 16
    ret
    end bad_cfi__lr_untold

    .globl bad_torn__two_depths
    .type bad_torn__two_depths, %function
bad_torn__two_depths:
    cbz x0, 1f
    sub sp, sp, #16
1:  mov x0, #1
    ret
    .size bad_torn__two_depths, . - bad_torn__two_depths

    .globl bad_return__unbalanced
    .type bad_return__unbalanced, %function
bad_return__unbalanced:
    sub sp, sp, #16
    ret
    .size bad_return__unbalanced, . - bad_return__unbalanced

    begin bad_large_frame__two_parts
    save 16
    mov x29, sp
    sub sp, sp, #24, lsl #12
    sub sp, sp, #64
    bl other
    mov sp, x29
    load 16
    ret
    end bad_large_frame__two_parts

    begin bad_large_frame__by_register
    save 16
    mov x29, sp
    mov x16, #0x86a0
    movk x16, #1, lsl #16
    sub sp, sp, x16
    bl other
    mov sp, x29
    load 16
    ret
    end bad_large_frame__by_register

    .globl bad_stack_switch__load
    .type bad_stack_switch__load, %function
bad_stack_switch__load:
    ldr x9, [x0]
    mov sp, x9
    ret
    .size bad_stack_switch__load, . - bad_stack_switch__load

    begin bad_thread_local__base_kept
    save 32
    mov x29, sp
    str x19, [sp, #16]
    mrs x19, tpidr_el0
    add x19, x19, #16
    bl rung_yield
    str wzr, [x19]
    ldr x19, [sp, #16]
    load 32
    ret
    end bad_thread_local__base_kept

/* ================ innocents ================ */
    begin good_plain
    save 16
    mov x29, sp
    bl other
    load 16
    ret
    end good_plain

    begin good_pac
    paciasp
    .cfi_negate_ra_state
    save 32
    mov x29, sp
    str x19, [sp, #16]
    blr x1
    ldr x19, [sp, #16]
    load 32
    autiasp
    .cfi_negate_ra_state
    ret
    end good_pac

    begin good_retaa
    paciasp
    .cfi_negate_ra_state
    save 16
    mov x29, sp
    bl other
    load 16
    retaa
    end good_retaa

    begin good_record_at_the_top
    sub sp, sp, #48
    .cfi_def_cfa_offset 48
    stp x29, x30, [sp, #32]
    .cfi_offset 29, -16
    .cfi_offset 30, -8
    add x29, sp, #32
    .cfi_def_cfa 29, 16
    bl other
    .cfi_def_cfa 31, 48
    ldp x29, x30, [sp, #32]
    .cfi_restore 29
    .cfi_restore 30
    add sp, sp, #48
    .cfi_def_cfa_offset 0
    ret
    end good_record_at_the_top

    begin good_as_go_does
    str x30, [sp, #-32]!
    .cfi_def_cfa_offset 32
    .cfi_offset 30, -32
    stur x29, [sp, #-8]
    .cfi_offset 29, -40
    sub x29, sp, #8
    bl other
    ldur x29, [sp, #-8]
    .cfi_restore 29
    ldr x30, [sp], #32
    .cfi_restore 30
    .cfi_def_cfa_offset 0
    ret
    end good_as_go_does

    begin good_leaf
    bti c
    add x0, x0, #1
    ret
    end good_leaf

    begin good_leaf_atomics
    ldadd x0, x1, [x2]
    dc zva, x0
    ret
    end good_leaf_atomics

    begin good_variable_array
    save 16
    mov x29, sp
    .cfi_def_cfa 29, 16
    sub x9, sp, x0
    and sp, x9, #-32
    bl other
    mov sp, x29
    .cfi_def_cfa 31, 16
    load 16
    ret
    end good_variable_array

    begin good_probed
    save 16
    mov x29, sp
    .cfi_def_cfa 29, 16
    sub x9, sp, #32, lsl #12
1:  sub sp, sp, #16, lsl #12
    str xzr, [sp, #1024]
    cmp sp, x9
    b.ne 1b
    bl other
    mov sp, x29
    .cfi_def_cfa 31, 16
    load 16
    ret
    end good_probed

    begin good_tail_call
    save 16
    mov x29, sp
    bl other
    load 16
    b other
    end good_tail_call

    begin good_call_in_disguise
    save 16
    mov x29, sp
    adr x30, 1f
    b other
1:  load 16
    ret
    end good_call_in_disguise

    begin good_lands_in_a_part
    .cfi_lsda 0x1b, table_of_good_lands_in_a_part
    save 16
    mov x29, sp
1:  bl other
2:  load 16
    ret
    end good_lands_in_a_part
    lands good_lands_in_a_part
    begin good_landed.cold
    .cfi_def_cfa_offset 16
    .cfi_offset 29, -16
    .cfi_offset 30, -8
3:  bl _Unwind_Resume
    end good_landed.cold

    begin good_ends_in_the_kernel
    cbz x0, 1f
    .cfi_undefined 30
    mov x29, #0
    mov x8, #93
    svc #0
    .cfi_restore 30
1:  neg x0, x0
    ret
    end good_ends_in_the_kernel

/* ---- what objtool and Go's vet tell of ---- */
    begin bad_clobber__after_a_branch
    cbz x0, 1f
    mov x0, #1
    ret
1:  mov x29, x1
    ldr x0, [x29]
    ret
    end bad_clobber__after_a_branch

    begin bad_transparent__plain
    stp x19, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset 19, -16
    .cfi_offset 30, -8
    mov x19, x0
    bl other
    ldp x19, x30, [sp], #16
    .cfi_restore 19
    .cfi_restore 30
    .cfi_def_cfa_offset 0
    ret
    end bad_transparent__plain

    begin bad_sibling__with_a_frame
    sub sp, sp, #16
    .cfi_def_cfa_offset 16
    b other
    end bad_sibling__with_a_frame

    begin bad_not_restored__sibling
    save 16
    mov x29, sp
    ldr x30, [sp, #8]
    add sp, sp, #16
    .cfi_restore 30
    .cfi_def_cfa_offset 0
    b other
    end bad_not_restored__sibling

    begin bad_falls_through__framed
    save 16
    mov x29, sp
    bl other
    mov x0, x1
    end bad_falls_through__framed

    begin bad_no_code__jumps_to_nowhere
    cbnz x0, 1f
    ret
1:  b . + 0x1000000
    end bad_no_code__jumps_to_nowhere

untyped_callee:
    ret
    .globl untyped_callee
    .size untyped_callee, . - untyped_callee
    begin bad_untyped__callee
    save 16
    mov x29, sp
    bl untyped_callee
    load 16
    ret
    end bad_untyped__callee

/* ---- as Go does: the record is 8 bytes below the stack pointer ---- */
    begin good_go_calls /* where the stack is too small, morestack begins it anew */
    ldr x16, [x28, #16]
    cmp sp, x16
    b.ls 1f
    str x30, [sp, #-32]!
    .cfi_def_cfa_offset 32
    .cfi_offset 30, -32
    .cfi_offset 29, -40
    stur x29, [sp, #-8]
    sub x29, sp, #8
    bl other
    ldp x29, x30, [sp, #-8]
    .cfi_restore 29
    .cfi_restore 30
    add sp, sp, #32
    .cfi_def_cfa_offset 0
    ret
1:  mov x3, x30
    bl runtime.morestack_noctxt
    b good_go_calls
    udf #0
    end good_go_calls

    begin good_go_leaf /* puts the frame pointer back without loading it */
    str x30, [sp, #-32]!
    .cfi_def_cfa_offset 32
    .cfi_offset 30, -32
    .cfi_offset 29, -40
    stur x29, [sp, #-8]
    sub x29, sp, #8
    str x0, [sp, #16]
    add x29, sp, #24
    .cfi_restore 29
    .cfi_restore 30
    add sp, sp, #32
    .cfi_def_cfa_offset 0
    ret
    end good_go_leaf

    begin good_go_large
    mov x27, #0x1010
    sub x20, sp, x27
    stp x29, x30, [x20, #-8]
    mov sp, x20
    .cfi_def_cfa_offset 0x1010
    .cfi_offset 29, -0x1018
    .cfi_offset 30, -0x1010
    sub x29, sp, #8
    bl other
    ldp x29, x30, [sp, #-8]
    .cfi_restore 29
    .cfi_restore 30
    mov x27, #0x1010
    add sp, sp, x27
    .cfi_def_cfa_offset 0
    ret
    end good_go_large
    .type good_go_mark, %function
good_go_mark:
    .long 0xffffffff
    .size good_go_mark, 1
    .section .gopclntab, "a"
    .byte 0
    .text

    begin good_signal_trampoline
    mov x8, #139
    svc #0
    end good_signal_trampoline
    .skip 80

    begin good_shrink_wrapped
    cbz x0, 1f
    save 16
    mov x29, sp
    bl other
    load 16
1:  ret
    end good_shrink_wrapped
    .section .note.GNU-stack,"",%progbits
