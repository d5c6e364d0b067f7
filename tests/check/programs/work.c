/* SPDX-License-Identifier: MIT */
/* Everything that makes compilers lay out frames in an unusual way, a function each. Prints a checksum. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define noinline __attribute__((noinline))
#if defined(__clang__)
#define CLONES
#else
#define CLONES __attribute__((noclone))
#endif

static volatile uint64_t sink;
static jmp_buf where;

noinline CLONES static uint64_t leaf(uint64_t a) { return a * 2654435761u ^ a >> 7; }

noinline static uint64_t leaf_with_frame(uint64_t a)
{
    volatile char bytes[40];
    for (int i = 0; i < 40; i++)
        bytes[i] = (char)(a >> i % 8);
    return (uint64_t)bytes[a % 40];
}

noinline static uint64_t recursive(uint64_t n) { return n < 2 ? n : recursive(n - 1) + recursive(n - 2); }

noinline static uint64_t odd(uint64_t n);
noinline static uint64_t even(uint64_t n) { return n == 0 ? 1 : odd(n - 1); }
noinline static uint64_t odd(uint64_t n) { return n == 0 ? 0 : even(n - 1); }

/* Many live values: every callee-saved register is wanted, the frame pointer too. */
noinline static uint64_t pressure(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g,
                                  uint64_t h, uint64_t i)
{
    uint64_t j = a ^ b, k = b ^ c, l = c ^ d, m = d ^ e, n = e ^ f;
    for (int round = 0; round < 5; round++) {
        a += leaf(b); b += leaf(c); c += leaf(d); d += leaf(e); e += leaf(f); f += leaf(g);
        g += leaf(h); h += leaf(i); i += leaf(j); j += leaf(k); k += leaf(l); l += leaf(m); m += leaf(n); n += leaf(a);
    }
    return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l ^ m ^ n;
}

noinline static uint64_t variable_array(unsigned n)
{
    uint64_t items[n], sum = 0;
    for (unsigned i = 0; i < n; i++)
        items[i] = leaf(i);
    for (unsigned i = 0; i < n; i++) {
        char more[i + 1];
        memset(more, (int)i, i + 1);
        sum += items[i] + (uint64_t)more[i / 2];
    }
    return sum;
}

noinline static uint64_t with_alloca(unsigned n)
{
    unsigned char *bytes = __builtin_alloca(n + 1);
    memset(bytes, 7, n + 1);
    uint64_t sum = leaf(n);
    for (unsigned i = 0; i <= n; i++)
        sum += bytes[i];
    return sum;
}

struct wide { _Alignas(64) unsigned char bytes[64]; };

noinline static uint64_t fill(struct wide *wide, int with) { memset(wide, with, sizeof *wide); return wide->bytes[3]; }

noinline static uint64_t realigned(int with)
{
    struct wide wide;
    return fill(&wide, with) + (uint64_t)((uintptr_t)&wide % 64);
}

noinline static uint64_t realigned_array(unsigned n)
{
    struct wide wide;
    unsigned char *bytes = __builtin_alloca(n + 16);
    memset(bytes, (int)n, n + 16);
    return fill(&wide, bytes[n]) + leaf(bytes[0]);
}

noinline static uint64_t large_frame(unsigned n)
{
    volatile unsigned char bytes[40000];
    for (unsigned i = 0; i < n; i++)
        bytes[i * 997 % sizeof bytes] = (unsigned char)i;
    return leaf(bytes[5]) + bytes[997];
}

noinline static uint64_t switched(unsigned what, uint64_t a)
{
    switch (what) {
    case 0: return leaf(a) + 1;
    case 1: return a * 3;
    case 2: return leaf(a + 2) * leaf(a);
    case 3: return recursive(a % 5);
    case 4: return a / 3 + leaf(9);
    case 5: return ~a;
    case 6: return leaf_with_frame(a);
    case 7: return a << 3 ^ leaf(a);
    case 8: return odd(a % 9);
    case 9: return with_alloca((unsigned)(a % 9));
    default: return 0;
    }
}

noinline static uint64_t summed(int count, ...)
{
    va_list arguments;
    uint64_t sum = 0;
    va_start(arguments, count);
    for (int i = 0; i < count; i++)
        sum += va_arg(arguments, uint64_t);
    va_end(arguments);
    return sum;
}

struct big { uint64_t a[12]; };
noinline static struct big made(uint64_t a)
{
    struct big big;
    for (int i = 0; i < 12; i++)
        big.a[i] = leaf(a + (uint64_t)i);
    return big;
}

/* The early way out needs no frame; compilers shrink-wrap the rest. */
noinline static uint64_t shrink_wrapped(const uint64_t *items, unsigned n)
{
    if (items == NULL || n == 0)
        return 0;
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += leaf(items[i]) * pressure(sum, i, n, 1, 2, 3, 4, 5, 6);
    return sum;
}

noinline __attribute__((noreturn)) static void jump_out(int value) { longjmp(where, value); }

noinline static uint64_t jumped(int value)
{
    volatile uint64_t result = 1;
    int way = setjmp(where);
    if (way == 0) {
        result += leaf(2);
        jump_out(value);
    }
    return result + (uint64_t)way;
}

noinline __attribute__((noreturn, cold)) static void broken(const char *why)
{
    fprintf(stderr, "%s\n", why);
    abort();
}

/* A cold part that runs: compilers split it off. */
noinline static uint64_t checked(uint64_t a)
{
    if (__builtin_expect(a == 12345, 0))
        broken("12345");
    if (__builtin_expect(a % 64 == 63, 0)) {
        sink += summed(3, a, a + 1, leaf(a));
        errno = (int)a;
        sink += (uint64_t)errno;
    }
    return leaf(a) + 1;
}

noinline static int compare(const void *a, const void *b)
{
    uint64_t left = leaf(*(const uint64_t *)a), right = leaf(*(const uint64_t *)b);
    return left < right ? -1 : left > right;
}

static uint64_t (*const table[])(uint64_t) = { leaf, recursive, leaf_with_frame, even, odd, checked };

noinline static uint64_t indirect(unsigned i, uint64_t a) { return table[i % 6](a % 12); }
noinline static uint64_t tail(unsigned i, uint64_t a) { return indirect(i + 1, a ^ 5); }
noinline static double floating(double x) { return x < 1 ? x : floating(x / 1.7) * 1.1 + (double)leaf((uint64_t)x); }

int main(void)
{
    uint64_t items[24], sum = 0;
    for (unsigned i = 0; i < 24; i++)
        items[i] = leaf(i * 77);
    qsort(items, 24, sizeof items[0], compare);
    for (unsigned i = 0; i < 12; i++)
        sum += switched(i, items[i]) + indirect(i, items[i]) + tail(i, i);
    sum += variable_array(9) + with_alloca(33) + realigned(5) + realigned_array(20) + large_frame(40);
    sum += shrink_wrapped(NULL, 4) + shrink_wrapped(items, 2) + pressure(1, 2, 3, 4, 5, 6, 7, 8, 9);
    sum += summed(4, sum, sum + 1, sum + 2, sum + 3) + made(sum).a[7] + jumped(3) + checked(63) + checked(64);
    sum += (uint64_t)floating(99.5);
    char text[64];
    snprintf(text, sizeof text, "%llx", (unsigned long long)(sum + sink));
    puts(text);
    return 0;
}
