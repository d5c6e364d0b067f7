/* SPDX-License-Identifier: MIT */
/* A read of freed memory, after switches: told, with the frames of the goroutine that read, and freed.
 * test-presets: valgrind
 * expect-status: 97
 * expect-stderr: Invalid read of size 1
 * expect-stderr: by 0x.*: culprit
 * expect-stderr: by 0x.*: rung_goroutine_main
 * expect-stderr: Address 0x.* is 10 bytes inside a block of size 24 free'd
 */
#include "planted.h"

__attribute__((__noinline__))
static int read_one(const volatile char *block)
{
    return block[10];
}

static int culprit(void *arg)
{
    (void)arg;
    char *volatile block = calloc(1, 24);
    planted_switches();
    free(block);
    planted_switches();
    (void)read_one(block);
    return 0;
}

PLANTED_MAIN(culprit)
