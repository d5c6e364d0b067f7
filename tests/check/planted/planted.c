/* SPDX-License-Identifier: MIT */
/* As x86_64.S says, in C and inline assembly, built with frame pointers. Never run. */
#include <errno.h>

int other(int);
int rung_yield(void);
void *rung_stack;

#define apart __attribute__((__noinline__, __used__))

#ifdef __x86_64__
apart int bad_clobber__inline(int x)
{
    __asm__ volatile("push %%rbp\n\tmov %0, %%ebp\n\tadd $1, %%ebp\n\tpop %%rbp" : : "r"(x) : "memory");
    return other(x) + 1;
}

apart int bad_stack_switch__inline(int x)
{
    __asm__ volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tcall *%1\n\tmov %%rbx, %%rsp"
                     : : "r"(rung_stack), "r"(rung_yield) : "rbx", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9",
                         "r10", "r11", "memory");
    return x;
}
#else
apart int bad_clobber__inline(int x)
{
    __asm__ volatile("str x29, [sp, #-16]!\n\tmov w29, %w0\n\tldr x29, [sp], #16" : : "r"(x) : "memory");
    return other(x) + 1;
}

apart int bad_stack_switch__inline(int x)
{
    __asm__ volatile("mov x19, sp\n\tmov sp, %0\n\tblr %1\n\tmov sp, x19"
                     : : "r"(rung_stack), "r"(rung_yield) : "x19", "x30", "x0", "memory");
    return x;
}
#endif

__attribute__((__noinline__, __used__, __optimize__("omit-frame-pointer"))) int bad_transparent__optimized(int x)
{
    return other(x) + 1;
}

__attribute__((__noinline__, __used__, __optimize__("no-stack-clash-protection"))) int bad_large_frame__array(int x)
{
    volatile char bytes[300000];
    bytes[0] = (char)x;
    return other(bytes[0]) + bytes[0];
}

apart int good_array(int x)
{
    volatile char bytes[300000];
    bytes[0] = (char)x;
    return other(bytes[0]) + bytes[0];
}

apart int good_vla(int n)
{
    volatile char bytes[n];
    bytes[0] = 1;
    for (int i = 1; i < n; i++) {
        volatile char inner[i];
        inner[0] = bytes[0];
        other(inner[0]);
    }
    return other(bytes[0]);
}

apart int good_switch(int x)
{
    switch (x) {
    case 0: return other(1);
    case 1: return other(5) + 2;
    case 2: return other(7) * 3;
    case 3: return other(9) ^ 4;
    case 4: return other(11) - 5;
    case 5: return other(13) | 6;
    case 6: return other(15) & 7;
    default: return 0;
    }
}

apart int good_errno(int x)
{
    errno = x;
    return other(x) + 1;
}

apart int good_builtin_address(void)
{
    return other(__builtin_return_address(0) == __builtin_frame_address(0)) + 1;
}
