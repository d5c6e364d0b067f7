/* SPDX-License-Identifier: MIT */
/* A byte written past a heap block, in a goroutine that has been switched: told, with its frames.
 * test-presets: asan
 * expect-status: 1
 * expect-stderr: AddressSanitizer: heap-buffer-overflow
 * expect-stderr: WRITE of size 1
 * expect-stderr: #0 .* in write_past
 * expect-stderr: #1 .* in culprit
 * expect-stderr: #[23] .* in rung_goroutine_main
 * expect-stderr: 0 bytes (to the right of|after) 24-byte region
 */
#include "planted.h"

__attribute__((__noinline__))
static void write_past(char *block, int index)
{
    block[index] = 1;
}

static int culprit(void *arg)
{
    (void)arg;
    char *block = malloc(24);
    planted_switches();
    write_past(block, 24);
    free(block);
    return 0;
}

PLANTED_MAIN(culprit)
