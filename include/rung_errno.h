/* SPDX-License-Identifier: MIT */
/*
 * rung_errno.h: errno for code that runs in goroutines. Include it instead of <errno.h>.
 *
 * Compilers take errno's address to be fixed for a function's whole life, but a goroutine may go
 * on in another thread after any rung call. This one asks anew each time. The value of errno is
 * saved and restored with the goroutine.
 */
#ifndef RUNG_ERRNO_H
#define RUNG_ERRNO_H

#include <errno.h>

#ifdef __cplusplus
extern "C" {
#endif

int *rung_errno_location(void);

#ifdef __cplusplus
}
#endif

#undef errno
#define errno (*rung_errno_location())
#endif
