/* SPDX-License-Identifier: MIT */
/* salvage.h: a flight recorder's memory, found in a file after the process's end, made into a trace. */
#ifndef RUNG_SALVAGE_H
#define RUNG_SALVAGE_H

#include "base/base.h"
#include <rung_debug.h>

struct salvage {
    uint64_t generations, buffers;
    int64_t last_ns; /* CLOCK_MONOTONIC of the last event */
    char error[160];
};

/*
 * 0, or -errno; -EINVAL with `error` for a file that holds nothing of the kind. Names come from the files that were loaded.
 * `tell` is called now and then with how many bytes of how many are done.
 */
int salvage_file(const char *path, rung_trace_sink *write, void *arg, void (*tell)(uint64_t done, uint64_t all),
                 struct salvage *result);

#endif
