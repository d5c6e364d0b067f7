/* SPDX-License-Identifier: MIT */
/* A byte written past an array on a goroutine's stack: told, and the frame and the variable are named.
 * test-presets: asan
 * expect-status: 1
 * expect-stderr: AddressSanitizer: stack-buffer-overflow
 * expect-stderr: #0 .* in write_past
 * expect-stderr: #1 .* in culprit
 * expect-stderr: located in stack of thread
 * expect-stderr: in frame
 * expect-stderr: 'array'.*overflows this variable
 */
#include "planted.h"

__attribute__((__noinline__))
static void write_past(char *block, int index)
{
    block[index] = 1;
}

static int culprit(void *arg)
{
    char array[24] = "";
    planted_switches();
    write_past(array, arg == NULL ? 24 : 0);
    return array[0];
}

PLANTED_MAIN(culprit)
