/* SPDX-License-Identifier: MIT */
/*
 * job.h: the job that the demo does: count the identifiers in all files of a tree.
 *
 * It is done by a pipeline of goroutines (pipeline.c) and by one goroutine (single.c); this is what
 * both share: a group with a deadline, counters for the progress line, and the result. The
 * goroutine that runs a job watches it by select (job_watch) until it has finished, the deadline
 * has passed, or somebody has pressed Ctrl-C.
 */
#ifndef DEMO_JOB_H
#define DEMO_JOB_H

#include <rung.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "table.h"

enum { BLOCK_BYTES = 65536 };

struct job {
    /* Set before it starts. */
    const char *title;
    const char *directory;
    int64_t timeout_ns;
    rung_chan *interrupts;   /* of nothing: one for a Ctrl-C */
    uint64_t expected_bytes; /* for the progress line; 0: not known */
    int dump_fd;             /* where to dump all goroutines when half of them are read; or -1 */
    bool is_warming;         /* only read: to fill the page cache */

    rung_group group;    /* of all goroutines of the job */
    rung_chan *finished; /* closed by the last of them */
    rung_chan *halfway;  /* of nothing, capacity 1 */

    /* Atomic, relaxed: hints while it runs, exact once the group has been waited for. */
    atomic_uint_least64_t files;
    atomic_uint_least64_t bytes;
    atomic_uint_least64_t binaries; /* files left out, for they hold a zero byte */

    rung_mutex mutex;
    uint64_t failures;       /* under mutex: files and directories that could not be read */
    char first_failure[256]; /* under mutex */

    /* The result; valid after job_end. */
    struct counts counts;
    int64_t took_ns;
    uint64_t switches, steals, hand_overs; /* of rung's, meanwhile */
    bool is_interrupted;
    int error; /* 0, -ETIMEDOUT, -ECANCELED, or what kept it from starting */
};

/* Opens the channels and the group. 0 or -errno; after an error nothing is left to close. */
int job_start(struct job *job);

/* Parks until the job has finished or its scope has ended, and draws the progress line. */
void job_watch(struct job *job);

/* Waits for all goroutines and closes what job_start opened. Gives back job->error. */
int job_end(struct job *job);

/* Stops the job for want of something: `error` is what it gives back. Goroutines of the job. */
void job_fail(struct job *job, int error);

/* Notes that `path` could not be read; the job goes on. */
void job_note_failure(struct job *job, const char *path, int error);

/* Counts a file's block, and tells the watcher when half of the tree is read. */
void job_note_block(struct job *job, size_t bytes, bool is_first);

/* Gives back `memory`; NULL means that there is none: says so and exits. */
void *job_memory(void *memory);

/* The two ways to do it: start, watch, end. They give back job->error. */
int pipeline_run(struct job *job);
int single_run(struct job *job);

#endif
