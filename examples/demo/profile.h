/* SPDX-License-Identifier: MIT */
/*
 * profile.h: a sampling profiler in a hundred lines: a signal timer, rung's unwinder, and a tree.
 */
#ifndef DEMO_PROFILE_H
#define DEMO_PROFILE_H

#include <stddef.h>

enum { PROFILE_HZ = 500 };

/* From a goroutine. 0 or -errno. */
int profile_start(void);
void profile_stop(void);

/* Draws the flame tree of what was sampled between start and stop. */
void profile_print(void);

#endif
