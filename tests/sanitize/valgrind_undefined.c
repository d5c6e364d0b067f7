/* SPDX-License-Identifier: MIT */
/* A branch on memory that nobody has set, on a goroutine's stack, after switches: told, with its frames.
 * test-presets: valgrind
 * expect-status: 97
 * expect-stderr: Conditional jump or move depends on uninitialised value
 * expect-stderr: at 0x.*: is_set
 * expect-stderr: by 0x.*: culprit
 * expect-stderr: by 0x.*: rung_goroutine_main
 */
#include "planted.h"

__attribute__((__noinline__))
static int is_set(const int *value)
{
    if (*value == 12345)
        return puts("it happens to be") == 0;
    return 0;
}

static int culprit(void *arg)
{
    (void)arg;
    int values[16];
    __asm__ volatile("" : : "r"(values) : "memory"); /* or the compiler would tell */
    planted_switches();
    return is_set(&values[7]);
}

PLANTED_MAIN(culprit)
