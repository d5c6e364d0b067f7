/* SPDX-License-Identifier: MIT */
/*
 * Ways to break the chain, and innocent oddities. bad_WHAT__* must be found, as the class or finding WHAT; good_* must
 * be framed or a leaf, without any finding. Never run.
 */
    .macro begin name
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    .endm
    .macro end name
    .cfi_endproc
    .size \name, . - \name
    .endm
    .macro frame
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register 6
    .endm
    /* The table of a function whose calls from 1 to 2 land at 3, in a part of it that no jump leads to. */
    .macro lands name
    .section .gcc_except_table, "a"
table_of_\name:
    .byte 0xff, 0xff, 1     /* counted from the function's start; no types; uleb128 */
    .uleb128 9f - 8f
8:  .uleb128 1b - \name, 2b - 1b, 3f - \name, 0
9:  .text
    .endm
    .macro unframe
    pop %rbp
    .cfi_def_cfa 7, 8
    .endm
    .text

/* ---- the frame pointer as a register like others ---- */
    begin bad_clobber__leaf_scratch
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov %rdi, %rbp
    lea (%rbp,%rbp), %rax
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_clobber__leaf_scratch

    begin bad_clobber__at_a_call
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov %rdi, %rbp
    call other
    add %rbp, %rax
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_clobber__at_a_call

    begin bad_clobber__after_a_branch /* Go #69838: the first way is clean */
    test %rdi, %rdi
    je 1f
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov $3, %ebp
    call other
    pop %rbp
    .cfi_def_cfa_offset 8
1:  ret
    end bad_clobber__after_a_branch

    begin bad_clobber__in_a_framed_body
    frame
    push %rbp
    xor %ebp, %ebp
    call other
    pop %rbp
    unframe
    ret
    end bad_clobber__in_a_framed_body

    begin bad_clobber__low_byte
    frame
    push %rax
    movb $0, %bpl
    call other
    mov %rsp, %rbp
    add $8, %rbp
    pop %rax
    unframe
    ret
    end bad_clobber__low_byte

    begin bad_clobber__lea_index
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    lea (%rdi,%rsi,4), %rbp
    mov (%rbp), %rax
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_clobber__lea_index

    begin bad_clobber__loaded
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov 8(%rdi), %rbp
    mov %rbp, %rax
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_clobber__loaded

    begin bad_clobber__exchanged
    frame
    xchg %rbp, %rdi
    call other
    xchg %rbp, %rdi
    unframe
    ret
    end bad_clobber__exchanged

    begin bad_clobber__conditional_move
    frame
    test %rdi, %rdi
    cmovne %rsi, %rbp
    call other
    lea (%rsp), %rbp
    unframe
    ret
    end bad_clobber__conditional_move

    begin bad_clobber__multiplied
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    imul $3, %rdi, %rbp
    call other
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_clobber__multiplied

    begin bad_clobber__mulx
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mulx %rdi, %rbp, %rax
    add %rbp, %rax
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_clobber__mulx

    begin bad_clobber__in_a_loop
    frame
    push %rbx
    push %rbp
    mov $9, %ebx
1:  lea 1(%rbp), %rbp
    call other
    dec %ebx
    jne 1b
    pop %rbp
    pop %rbx
    unframe
    ret
    end bad_clobber__in_a_loop

    begin bad_clobber__behind_a_table
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    and $1, %edi
    lea table_bad(%rip), %rdx
    movslq (%rdx,%rdi,4), %rcx
    add %rdx, %rcx
    jmp *%rcx
.Lbad0:
    mov $1, %ebp
    call other
    jmp .Lbad2
.Lbad1:
    mov %edi, %eax
.Lbad2:
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_clobber__behind_a_table

/* Without call frame information. */
    .globl bad_clobber__no_cfi
    .type bad_clobber__no_cfi, @function
bad_clobber__no_cfi:
    push %rbp
    mov %rdi, %rbp
    call other
    pop %rbp
    ret
    .size bad_clobber__no_cfi, . - bad_clobber__no_cfi

    .globl bad_clobber__saved_in_a_register
    .type bad_clobber__saved_in_a_register, @function
bad_clobber__saved_in_a_register:
    mov %rbp, %rax
    mov %rdi, %rbp
    lea 5(%rbp), %rdi
    mov %rax, %rbp
    ret
    .size bad_clobber__saved_in_a_register, . - bad_clobber__saved_in_a_register

/* ---- records that are none ---- */
    begin bad_clobber__at_a_landing_pad
    .cfi_lsda 0x1b, table_of_bad_clobber__at_a_landing_pad
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov %rdi, %rbp
1:  call other
2:  pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_clobber__at_a_landing_pad
    lands bad_clobber__at_a_landing_pad
    begin bad_clobber__landed.cold
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
3:  mov %rax, %rdi
    call _Unwind_Resume
    end bad_clobber__landed.cold

    begin bad_clobber__in_parts /* split as BOLT does: from part to part */
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov %rdi, %rbp
    test %rdi, %rdi
    je bad_clobber__first.cold
2:  pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_clobber__in_parts
    begin bad_clobber__second.warm
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    call other
    jmp 2b
    end bad_clobber__second.warm
    begin bad_clobber__first.cold
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    test %rsi, %rsi
    je bad_clobber__second.warm
    jmp 2b
    end bad_clobber__first.cold

    begin bad_record__points_past
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    lea 8(%rsp), %rbp
    call other
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_record__points_past

    begin bad_record__gcc_profile /* the record's first word is another register */
    push %rbx
    .cfi_def_cfa_offset 16
    push %rbp
    .cfi_def_cfa_offset 24
    .cfi_offset 6, -24
    lea 8(%rsp), %rbp
    call other
    pop %rbp
    .cfi_def_cfa_offset 16
    pop %rbx
    .cfi_def_cfa_offset 8
    ret
    end bad_record__gcc_profile

    begin bad_record__not_beside_the_return
    sub $24, %rsp
    .cfi_def_cfa_offset 32
    mov %rbp, (%rsp)
    .cfi_offset 6, -32
    mov %rsp, %rbp
    call other
    mov (%rsp), %rbp
    add $24, %rsp
    .cfi_def_cfa_offset 8
    ret
    end bad_record__not_beside_the_return

    begin bad_record__overwritten
    frame
    sub $16, %rsp
    movq $0, (%rbp)
    call other
    leave
    .cfi_def_cfa 7, 8
    ret
    end bad_record__overwritten

    begin bad_record__before_the_push
    mov %rsp, %rbp
    call other
    ret
    end bad_record__before_the_push

    begin bad_record__frame_pointer_as_an_index
    frame
    sub $32, %rsp
    lea -32(%rbp), %rbp
    call other
    lea 32(%rbp), %rbp
    leave
    .cfi_def_cfa 7, 8
    ret
    end bad_record__frame_pointer_as_an_index

/* ---- left with another ---- */
    .globl bad_not_restored__returns
    .type bad_not_restored__returns, @function
bad_not_restored__returns:
    mov %rdi, %rbp
    ret
    .size bad_not_restored__returns, . - bad_not_restored__returns

    begin bad_not_restored__one_way
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov %rdi, %rbp
    test %rbp, %rbp
    je 1f
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
1:  .cfi_def_cfa_offset 16
    add $8, %rsp
    .cfi_def_cfa_offset 8
    ret
    end bad_not_restored__one_way

    begin bad_not_restored__sibling
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov %rsp, %rbp
    add $8, %rsp
    .cfi_def_cfa_offset 8
    jmp other
    end bad_not_restored__sibling

    begin bad_not_restored__wrong_slot
    push %rbx
    .cfi_def_cfa_offset 16
    push %rbp
    .cfi_def_cfa_offset 24
    .cfi_offset 6, -24
    pop %rbx
    .cfi_def_cfa_offset 16
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_not_restored__wrong_slot

/* ---- no record of its own ---- */
    begin bad_transparent__plain
    sub $8, %rsp
    .cfi_def_cfa_offset 16
    call other
    add $8, %rsp
    .cfi_def_cfa_offset 8
    ret
    end bad_transparent__plain

    begin bad_transparent__before_the_frame /* one call of two, too early */
    call other
    frame
    call other
    unframe
    ret
    end bad_transparent__before_the_frame

    begin bad_transparent__after_the_frame
    frame
    call other
    unframe
    call other
    ret
    end bad_transparent__after_the_frame

    begin bad_transparent__indirect
    push %rbx
    .cfi_def_cfa_offset 16
    call *%rdi
    pop %rbx
    .cfi_def_cfa_offset 8
    ret
    end bad_transparent__indirect

    begin bad_transparent__pushed_not_set
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    call other
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_transparent__pushed_not_set

/* ---- CFI that lies ---- */
    begin bad_cfi__push_untold
    push %rbx
    push %rax
    .cfi_def_cfa_offset 16
    pop %rax
    .cfi_def_cfa_offset 8
    pop %rbx
    ret
    end bad_cfi__push_untold

    begin bad_cfi__off_by_eight
    push %rbp
    .cfi_def_cfa_offset 24
    .cfi_offset 6, -16
    mov %rsp, %rbp
    .cfi_def_cfa 6, 24
    call other
    unframe
    ret
    end bad_cfi__off_by_eight

    begin bad_cfi__save_untold
    push %rbp
    .cfi_def_cfa_offset 16
    mov %rdi, %rbp
    mov %rbp, %rax
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end bad_cfi__save_untold

    begin bad_cfi__wrong_place
    push %rbx
    .cfi_def_cfa_offset 16
    push %rbp
    .cfi_def_cfa_offset 24
    .cfi_offset 6, -16
    mov %rdi, %rbp
    mov %rbp, %rax
    pop %rbp
    .cfi_def_cfa_offset 16
    pop %rbx
    .cfi_def_cfa_offset 8
    ret
    end bad_cfi__wrong_place

    begin bad_cfi__too_early
    .cfi_def_cfa 6, 16
    nop
    push %rbp
    .cfi_offset 6, -16
    mov %rsp, %rbp
    call other
    unframe
    ret
    end bad_cfi__too_early

/* ---- the stack pointer ---- */
    .globl bad_torn__two_depths
    .type bad_torn__two_depths, @function
bad_torn__two_depths:
    test %rdi, %rdi
    je 1f
    push %rdi
1:  mov $1, %eax
    ret
    .size bad_torn__two_depths, . - bad_torn__two_depths

    .globl bad_return__unbalanced
    .type bad_return__unbalanced, @function
bad_return__unbalanced:
    push %rdi
    mov $1, %eax
    ret
    .size bad_return__unbalanced, . - bad_return__unbalanced

    begin bad_sibling__with_a_frame
    sub $16, %rsp
    .cfi_def_cfa_offset 24
    jmp other
    end bad_sibling__with_a_frame

    begin bad_falls_through__framed
    frame
    call other
    mov $1, %eax
    end bad_falls_through__framed
    begin after_the_fall
    ret
    end after_the_fall

    begin bad_large_frame__sub
    frame
    sub $200000, %rsp
    call other
    leave
    .cfi_def_cfa 7, 8
    ret
    end bad_large_frame__sub

    begin bad_large_frame__by_register
    frame
    mov $100000, %eax
    sub %rax, %rsp
    call other
    leave
    .cfi_def_cfa 7, 8
    ret
    end bad_large_frame__by_register

    begin bad_large_frame__in_steps
    frame
    sub $40000, %rsp
    sub $40000, %rsp
    call other
    leave
    .cfi_def_cfa 7, 8
    ret
    end bad_large_frame__in_steps

    .globl bad_stack_switch__load
    .type bad_stack_switch__load, @function
bad_stack_switch__load:
    mov 16(%rdi), %rsp
    ret
    .size bad_stack_switch__load, . - bad_stack_switch__load

    .globl bad_stack_switch__argument
    .type bad_stack_switch__argument, @function
bad_stack_switch__argument:
    push %rbp
    mov %rsp, %rbp
    mov %rdi, %rsp
    call *%rsi
    leave
    ret
    .size bad_stack_switch__argument, . - bad_stack_switch__argument

    .globl bad_stack_switch__exchange
    .type bad_stack_switch__exchange, @function
bad_stack_switch__exchange:
    xchg %rsp, (%rdi)
    ret
    .size bad_stack_switch__exchange, . - bad_stack_switch__exchange

    .globl bad_stack_switch__pop
    .type bad_stack_switch__pop, @function
bad_stack_switch__pop:
    push (%rdi)
    pop %rsp
    ret
    .size bad_stack_switch__pop, . - bad_stack_switch__pop

    begin bad_no_code__jumps_to_nowhere
    test %rdi, %rdi
    jne . + 0x10000000
    ret
    end bad_no_code__jumps_to_nowhere

    .globl bad_no_code__data
    .type bad_no_code__data, @function
bad_no_code__data:
    mov $1, %eax
    .byte 0x06, 0x06, 0x06, 0x06
    .size bad_no_code__data, . - bad_no_code__data

    .globl untyped_callee
untyped_callee:
    ret
    .size untyped_callee, 1
    begin bad_untyped__callee
    frame
    call untyped_callee
    unframe
    ret
    end bad_untyped__callee

/* ---- a thread-local's address over a call that parks ---- */
    begin bad_thread_local__errno_in_a_register
    frame
    push %rbx
    push %rax
    call __errno_location
    mov %rax, %rbx
    call rung_yield
    movl $0, (%rbx)
    pop %rax
    pop %rbx
    unframe
    ret
    end bad_thread_local__errno_in_a_register

    begin bad_thread_local__errno_in_the_frame
    frame
    sub $16, %rsp
    call __errno_location
    mov %rax, -8(%rbp)
    call rung_recv
    mov -8(%rbp), %rax
    movl $0, (%rax)
    leave
    .cfi_def_cfa 7, 8
    ret
    end bad_thread_local__errno_in_the_frame

    begin bad_thread_local__base_kept
    frame
    push %rbx
    push %rax
    mov %fs:0, %rbx
    lea -64(%rbx), %rbx
    call rung_send
    mov (%rbx), %rax
    pop %rdx
    pop %rbx
    unframe
    ret
    end bad_thread_local__base_kept

    .type parks_somewhere_below, @function
parks_somewhere_below:
    .cfi_startproc
    frame
    call rung_sleep
    unframe
    ret
    end parks_somewhere_below

    begin bad_thread_local__by_way_of_another
    frame
    push %rbx
    push %rax
    call __errno_location
    mov %rax, %rbx
    call parks_somewhere_below
    movl $0, (%rbx)
    pop %rax
    pop %rbx
    unframe
    ret
    end bad_thread_local__by_way_of_another

/* ================ innocents ================ */
    begin good_plain
    frame
    call other
    unframe
    ret
    end good_plain

    begin good_leave
    frame
    sub $32, %rsp
    call other
    leave
    .cfi_def_cfa 7, 8
    ret
    end good_leave

    begin good_enter
    enter $32, $0
    .cfi_def_cfa 6, 16
    .cfi_offset 6, -16
    call other
    leave
    .cfi_def_cfa 7, 8
    ret
    end good_enter

    begin good_as_go_does
    sub $40, %rsp
    .cfi_def_cfa_offset 48
    mov %rbp, 32(%rsp)
    .cfi_offset 6, -16
    lea 32(%rsp), %rbp
    call other
    mov 32(%rsp), %rbp
    add $40, %rsp
    .cfi_def_cfa_offset 8
    ret
    end good_as_go_does

    begin good_shrink_wrapped
    test %rdi, %rdi
    je 1f
    frame
    call other
    unframe
1:  ret
    end good_shrink_wrapped

    begin good_two_exits
    frame
    push %rbx
    test %rdi, %rdi
    je 1f
    call other
    mov -8(%rbp), %rbx
    leave
    .cfi_remember_state
    .cfi_def_cfa 7, 8
    ret
1:  .cfi_restore_state
    mov $1, %eax
    pop %rbx
    unframe
    ret
    end good_two_exits

    begin good_tail_call
    frame
    call other
    unframe
    jmp other
    end good_tail_call

    begin good_tail_call_only
    jmp other
    end good_tail_call_only

    begin good_tail_by_pointer
    frame
    call other
    unframe
    jmp *%rax
    end good_tail_by_pointer

    begin good_realigned
    lea 8(%rsp), %r10
    .cfi_def_cfa 10, 0
    and $-64, %rsp
    push -8(%r10)
    push %rbp
    .cfi_escape 0x10,0x6,0x2,0x76,0
    mov %rsp, %rbp
    push %r10
    .cfi_escape 0xf,0x3,0x76,0x78,0x6
    sub $88, %rsp
    call other
    mov -8(%rbp), %r10
    .cfi_def_cfa 10, 0
    leave
    lea -8(%r10), %rsp
    .cfi_def_cfa 7, 8
    ret
    end good_realigned

    begin good_realigned_below
    frame
    and $-32, %rsp
    sub $64, %rsp
    call other
    leave
    .cfi_def_cfa 7, 8
    ret
    end good_realigned_below

    begin good_variable_array
    frame
    sub %rdi, %rsp
    and $-16, %rsp
    call other
    leave
    .cfi_def_cfa 7, 8
    ret
    end good_variable_array

    begin good_block_of_arrays
    frame
    push %rbx
    sub $8, %rsp
    mov %rsp, %rbx
    sub %rdi, %rsp
    call other
    mov %rbx, %rsp
    mov -8(%rbp), %rbx
    leave
    .cfi_def_cfa 7, 8
    ret
    end good_block_of_arrays

    begin good_block_kept_in_the_frame
    frame
    sub $16, %rsp
    mov %rsp, -8(%rbp)
    sub %rdi, %rsp
    call other
    mov -8(%rbp), %rsp
    leave
    .cfi_def_cfa 7, 8
    ret
    end good_block_kept_in_the_frame

    begin good_probed
    frame
    lea -98304(%rsp), %r11
1:  sub $4096, %rsp
    orq $0, (%rsp)
    cmp %r11, %rsp
    jne 1b
    call other
    leave
    .cfi_def_cfa 7, 8
    ret
    end good_probed

    begin good_probed_by_hand
    frame
    sub $65536, %rsp
    movq $0, (%rsp)
    sub $65536, %rsp
    movq $0, (%rsp)
    call other
    leave
    .cfi_def_cfa 7, 8
    ret
    end good_probed_by_hand

    begin good_pic_call
    frame
    call 1f
1:  pop %rax
    add $8, %rax
    call other
    unframe
    ret
    end good_pic_call

    begin good_call_in_disguise
    frame
    lea 1f(%rip), %rax
    push %rax
    jmp other
1:  nop
    unframe
    ret
    end good_call_in_disguise

    begin good_jump_table
    frame
    and $1, %edi
    lea table_good(%rip), %rdx
    movslq (%rdx,%rdi,4), %rcx
    add %rdx, %rcx
    jmp *%rcx
.Lgood0:
    call other
    jmp .Lgood2
.Lgood1:
    mov %edi, %eax
.Lgood2:
    unframe
    ret
    end good_jump_table

    begin good_noreturn_last
    frame
    test %rdi, %rdi
    je 1f
    unframe
    ret
1:  .cfi_def_cfa 6, 16
    call abort
    end good_noreturn_last

    begin good_lands_in_a_part /* whose CFI says nothing of what the frame pointer holds */
    .cfi_lsda 0x1b, table_of_good_lands_in_a_part
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov %rsp, %rbp
1:  call other
2:  pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end good_lands_in_a_part
    lands good_lands_in_a_part
    begin good_landed.cold
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
3:  mov %rax, %rdi
    call _Unwind_Resume
    end good_landed.cold

    begin good_ends_in_the_kernel /* a new thread, beside its parent */
    test %rdi, %rdi
    je 1f
    .cfi_undefined 16
    xor %ebp, %ebp
    mov $60, %eax
    syscall
    .cfi_offset 16, -8
1:  neg %eax
    ret
    end good_ends_in_the_kernel

    begin good_in_parts
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    mov %rsp, %rbp
    test %rdi, %rdi
    je good_first.cold
2:  pop %rbp
    .cfi_def_cfa_offset 8
    ret
    end good_in_parts
    begin good_second.warm
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    call other
    jmp 2b
    end good_second.warm
    begin good_first.cold
    .cfi_def_cfa_offset 16
    .cfi_offset 6, -16
    test %rsi, %rsi
    je good_second.warm
    jmp 2b
    end good_first.cold

    begin good_signal_trampoline
    mov $15, %eax
    syscall
    end good_signal_trampoline
    .skip 80, 0xcc

    begin good_noreturn_in_the_midst
    frame
    sub $16, %rsp
    test %rdi, %rdi
    je 1f
    call other
    leave
    .cfi_remember_state
    .cfi_def_cfa 7, 8
    ret
1:  .cfi_restore_state
    call abort
2:  .cfi_def_cfa 7, 8
    ret
    end good_noreturn_in_the_midst

    begin good_leaf_bare
    lea 1(%rdi), %rax
    ret
    end good_leaf_bare

    begin good_leaf_red_zone
    mov %rdi, -8(%rsp)
    mov -8(%rsp), %rax
    ret
    end good_leaf_red_zone

    begin good_leaf_pushes
    push %rbx
    .cfi_def_cfa_offset 16
    mov %rdi, %rbx
    lea 1(%rbx), %rax
    pop %rbx
    .cfi_def_cfa_offset 8
    ret
    end good_leaf_pushes

    begin good_leaf_reads_the_frame_pointer
    mov %rbp, %rax
    mov (%rax), %rax
    cmp %rbp, %rax
    ret
    end good_leaf_reads_the_frame_pointer

    begin good_leaf_long_nops
    .nops 15
    xchg %ax, %ax
    mov %edi, %eax
    rep ret
    end good_leaf_long_nops

    begin good_leaf_loops
1:  dec %rdi
    jne 1b
    ret
    end good_leaf_loops

    begin good_leaf_strings
    mov %rdi, %rax
    mov %rdx, %rcx
    rep movsb
    ret
    end good_leaf_strings

    begin good_leaf_syscall
    mov %edi, %eax
    syscall
    ret
    end good_leaf_syscall

    begin good_leaf_vectors
    vmovdqu64 (%rdi), %zmm17
    vpmadd52luq %zmm17, %zmm17, %zmm18
    vmovdqu64 %zmm18, (%rdi)
    vzeroupper
    ret
    end good_leaf_vectors

    begin good_leaf_shadow_stack
    rdsspq %rax
    incsspq %rax
    ret
    end good_leaf_shadow_stack

    begin good_exchanged_and_back
    frame
    mov %rsp, %rax
    and $-64, %rax
    xchg %rax, %rsp
    push %rax
    push %rax
    call other
    pop %rax
    pop %rax
    xchg %rax, %rsp
    unframe
    ret
    end good_exchanged_and_back

    begin good_endbr
    endbr64
    frame
    call other
    unframe
    ret
    end good_endbr

    begin good_notrack
    frame
    lea .Lnotrack(%rip), %rax
    notrack jmp *%rax
.Lnotrack:
    call other
    unframe
    ret
    end good_notrack

    begin good_data_behind
    frame
    call other
    unframe
    ret
    .byte 0x06, 0x48, 0x89, 0xfd, 0xe8, 1, 2, 3, 4
    end good_data_behind

    begin good_saves_all
    frame
    push %r15
    push %r14
    push %r13
    push %r12
    push %rbx
    sub $24, %rsp
    call other
    lea -40(%rbp), %rsp
    pop %rbx
    pop %r12
    pop %r13
    pop %r14
    pop %r15
    unframe
    ret
    end good_saves_all

    begin good_errno_taken_anew
    frame
    call __errno_location
    movl $0, (%rax)
    call rung_yield
    call __errno_location
    movl $0, (%rax)
    unframe
    ret
    end good_errno_taken_anew

    begin good_errno_over_a_call_that_stays
    frame
    push %rbx
    push %rax
    call __errno_location
    mov %rax, %rbx
    call other
    movl $0, (%rbx)
    pop %rax
    pop %rbx
    unframe
    ret
    end good_errno_over_a_call_that_stays

    begin good_errno_stale_but_unused
    frame
    push %rbx
    push %rax
    call __errno_location
    mov %rax, %rbx
    movl $0, (%rbx)
    call rung_yield
    mov $3, %ebx
    mov %ebx, %eax
    pop %rcx
    pop %rbx
    unframe
    ret
    end good_errno_stale_but_unused

    begin good_canary
    frame
    sub $16, %rsp
    mov %fs:40, %rax
    mov %rax, -8(%rbp)
    call rung_yield
    mov -8(%rbp), %rax
    sub %fs:40, %rax
    jne 1f
    leave
    .cfi_remember_state
    .cfi_def_cfa 7, 8
    ret
1:  .cfi_restore_state
    call __stack_chk_fail
    end good_canary

    begin good_data16_call
    frame
    .byte 0x66, 0x66, 0x48
    call other
    unframe
    ret
    end good_data16_call

    begin good_local_routine
    frame
    call 1f
    unframe
    ret
1:  .cfi_def_cfa 7, 8
    .cfi_restore 6
    lea 1(%rdi), %rax
    ret
    end good_local_routine

    .globl good_no_cfi
    .type good_no_cfi, @function
good_no_cfi:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    test %rdi, %rdi
    je 1f
    call other
1:  pop %rbx
    pop %rbp
    ret
    .size good_no_cfi, . - good_no_cfi

    .globl good_runs_on
    .type good_runs_on, @function
good_runs_on:
    mov %rdx, %rcx
    .size good_runs_on, . - good_runs_on
    .globl good_ran_into
    .type good_ran_into, @function
good_ran_into:
    lea (%rdi,%rcx), %rax
    ret
    .size good_ran_into, . - good_ran_into

    .section .rodata
    .balign 4
table_bad:
    .long .Lbad0 - table_bad, .Lbad1 - table_bad
table_good:
    .long .Lgood0 - table_good, .Lgood1 - table_good
    .section .note.GNU-stack,"",%progbits
