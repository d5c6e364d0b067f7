/* SPDX-License-Identifier: MIT */
/*
 * os_call.h: a system call, made in place.
 *
 * libc's functions for calls that may block (they are points where a thread can be cancelled) use the frame-pointer register for
 * their own ends, so that the frame chain is broken just where a server spends its time. In place it stays whole.
 * Sanitizers look at what libc's functions do to memory and descriptors: for them these are called.
 */
#ifndef RUNG_OS_CALL_H
#define RUNG_OS_CALL_H

#include <errno.h>
#include <sys/syscall.h>

#include "base/base.h"

/* As syscall(2), but always with six arguments. */
static always_inline long os_call(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
#else
    register long x8 __asm__("x8") = number;
    register long result __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(result) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
#endif
    if (unlikely((unsigned long)result > -4096UL)) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

#if defined(RUNG_SANITIZE_ADDRESS) || defined(RUNG_SANITIZE_THREAD)
#define KERNEL(by_libc, number, a, b, c, d, e, f) (by_libc)
#else
#define KERNEL(by_libc, number, a, b, c, d, e, f)                                                  \
    os_call((number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#endif

#endif
