/* SPDX-License-Identifier: MIT */
/* serve.h: the demo's second half: the HTTP server of ../http on the tree that was indexed, under load. */
#ifndef DEMO_SERVE_H
#define DEMO_SERVE_H

#include <stdbool.h>
#include <stdint.h>

/* Serves `directory` for at most so long and prints what was seen. Runs rung by itself. *is_interrupted: by a signal. 0 or -errno. */
int serve_tree(const char *directory, int64_t limit_ns, bool *is_interrupted);

#endif
