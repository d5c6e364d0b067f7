/* SPDX-License-Identifier: MIT */
/*
 * rung_symbolize.h: librung-debug: functions, files and lines from debug information.
 *
 * A program that links it has them in its traces, without a call: see rung_debug.h. Needs elfutils' libdw.
 */
#ifndef RUNG_SYMBOLIZE_H
#define RUNG_SYMBOLIZE_H

#include <rung_debug.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A rung_symbolizer: the frames of this process that lie at `pc`, those of inlined functions first. Debug information is found
 * where gdb finds it. 0 where nothing is known. Reads files and takes memory: the first call takes milliseconds for each
 * loaded object. One thread at a time; not on a goroutine's stack, which is too small.
 */
size_t rung_symbolize(uintptr_t pc, rung_frame *frames, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
