/* SPDX-License-Identifier: MIT */
/*
 * setting.h: numbers from the environment.
 *
 * One rule for all of them: unset, empty or 0 is the default. What is no number counts as unset, and a line on
 * stderr says so, since nobody else would. What is out of range counts as the nearest that is in it.
 */
#ifndef RUNG_SETTING_H
#define RUNG_SETTING_H

#include "base/base.h"

/* The variable's value: decimal digits; UINT64_MAX if it is larger. 0 for the default. */
uint64_t setting_number(const char *name);

/* The same in bytes: k, m, g or t may follow, for powers of 1024. Brought into the range unless it is 0. */
uint64_t setting_size(const char *name, uint64_t least, uint64_t most);

#endif
