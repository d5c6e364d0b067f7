/* SPDX-License-Identifier: MIT */
/* base.h: the few words of C that every layer uses. */
#ifndef RUNG_BASE_H
#define RUNG_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define array_length(a)  (sizeof(a) / sizeof((a)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define likely(x)        __builtin_expect(!!(x), 1)
#define unlikely(x)      __builtin_expect(!!(x), 0)
#define noinline         __attribute__((__noinline__))
#define always_inline    inline __attribute__((__always_inline__))
#define noreturn         __attribute__((__noreturn__))
#define cold             __attribute__((__cold__, __noinline__))
/* For the paths of a switch: they do not return, so that the compiler takes them for run once, and saves bytes. */
#define hot              __attribute__((__hot__))
#define printf_like(string, first) __attribute__((__format__(__printf__, string, first)))

enum { CACHE_LINE = 64, PAGE = 4096 };

#define round_up(n, to)  (((n) + (to)-1) / (to) * (to))

/*
 * Historical and planned bugs, put back by a build switch so that the tests can be seen to find
 * them (./dev mutants). MUTANT(name) is 0 in every build that users get, and then folds away.
 * The numbers are in mutants.h, which assembly includes too.
 */
#include "base/mutants.h"
#define MUTANT(name) (RUNG_MUTANT == MUTANT_##name)

#endif
