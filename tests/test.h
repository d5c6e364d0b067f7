/* SPDX-License-Identifier: MIT */
/* Helpers for tests: expectations that say where and what, a skip, and a seeded random generator.
 *
 * A test is a program: exit 0 is a pass, 1 a failure, 77 a skip with its reason as the last line.
 * Everything here needs libc alone and may be called from goroutines and from plain threads. */
#ifndef TEST_H
#define TEST_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The address sanitizer and Valgrind keep freed memory for a while; the thread sanitizer holds signals back. */
#if defined(__has_feature) /* clang */
#define IS_ASAN __has_feature(address_sanitizer)
#define IS_TSAN __has_feature(thread_sanitizer)
#else
#ifdef __SANITIZE_ADDRESS__
#define IS_ASAN 1
#else
#define IS_ASAN 0
#endif
#ifdef __SANITIZE_THREAD__
#define IS_TSAN 1
#else
#define IS_TSAN 0
#endif
#endif

#ifdef RUNG_VALGRIND
#define IS_VALGRIND 1
#else
#define IS_VALGRIND 0
#endif

#define EXPECT(condition) \
    ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, "expected: %s", #condition))

#define EXPECT_EQ(actual, expected) \
    test_expect_eq((int64_t)(actual), (int64_t)(expected), #actual, #expected, __FILE__, __LINE__)

#define SKIP(reason) test_skip(reason)

/* Prints one line to stderr and ends the test as failed. _Exit: other threads may still run. */
__attribute__((__unused__, __noreturn__, __noinline__, __format__(__printf__, 3, 4)))
static void test_fail(const char *file, int line, const char *format, ...) {
    char text[512];
    __builtin_va_list args;
    __builtin_va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    __builtin_va_end(args);
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    fflush(NULL);
    _Exit(1);
}

__attribute__((__unused__, __noreturn__, __noinline__))
static void test_skip(const char *reason) {
    printf("skip: %s\n", reason);
    fflush(NULL);
    _Exit(77);
}

__attribute__((__unused__))
static void test_expect_eq(int64_t actual, int64_t expected, const char *actual_text,
                           const char *expected_text, const char *file, int line) {
    if (actual != expected)
        test_fail(file, line, "expected: %s == %s, got %" PRId64 " (%#" PRIx64 ") and %" PRId64 " (%#" PRIx64 ")",
                  actual_text, expected_text, actual, (uint64_t)actual, expected, (uint64_t)expected);
}

/* How often to do something: all of it, or an eighth under sanitizers, Valgrind and emulators. */
__attribute__((__unused__))
static int64_t test_scaled(int64_t count) {
#ifdef TEST_IS_SLOW
    return count >= 8 ? count / 8 : count;
#else
    return count;
#endif
}

/* The seed of this run: RUNG_SEED, else the time. Printed once, so that a failure can be run again. */
__attribute__((__unused__))
static uint64_t test_seed(void) {
    static uint64_t seed;
    static int printed;
    int unprinted = 0;
    if (__atomic_compare_exchange_n(&printed, &unprinted, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        const char *given = getenv("RUNG_SEED");
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed = given ? strtoull(given, NULL, 0) : (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec;
        fprintf(stderr, "seed %" PRIu64 "\n", seed);
        __atomic_store_n(&printed, 2, __ATOMIC_RELEASE);
    }
    while (__atomic_load_n(&printed, __ATOMIC_ACQUIRE) != 2)
        continue;
    return seed;
}

/* splitmix64: any start value of *state will do, such as test_seed() + the goroutine's number. */
__attribute__((__unused__))
static uint64_t test_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Bytes of address space that this process has mapped. */
__attribute__((__unused__))
static size_t test_address_space(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    EXPECT(file != NULL && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    return pages * (size_t)getpagesize();
}

#endif
