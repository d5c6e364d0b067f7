/* SPDX-License-Identifier: MIT */
/*
 * report.h: what the demo shows: the progress line on stderr, the tables on stdout.
 */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include "job.h"

/* How often to draw: often on a terminal, each second elsewhere. */
int64_t progress_period_ns(void);
void progress_draw(const struct job *job);
void progress_clear(void);

/* A heading with a rule under it. */
void report_heading(const char *format, ...) RUNG_PRINTF(1, 2);

/* A bar of `width` columns, `share` (0 to 1) of it filled. */
void report_bar(char *text, size_t capacity, double share, int width);

/* The most frequent identifiers. */
void report_identifiers(const struct job *job);

/* Both ways to do the job, side by side; `single` may not have run. */
void report_speed(const struct job *pipeline, const struct job *single);

/* What could not be read, was left out, or cut short. */
void report_troubles(const struct job *job);

/* The dump in `fd`, shortened to the screen. */
void report_dump(int fd);

#endif
