/* SPDX-License-Identifier: MIT */
/* errno.c: errno's address, asked anew at each use: see rung_errno.h. */
#include <errno.h>
#include <rung_errno.h>
#undef errno
#define errno (*__errno_location())

#if defined(__clang__)
#define RUNG_OPAQUE __attribute__((__noinline__, __optnone__))
#else
#define RUNG_OPAQUE __attribute__((__noipa__))
#endif

/* Neither inlined nor analysed: at link time too, nothing may learn that it returns an address that stays. */
RUNG_OPAQUE int *rung_errno_location(void)
{
    return &errno;
}
