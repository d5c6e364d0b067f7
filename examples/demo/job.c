/* SPDX-License-Identifier: MIT */
/*
 * job.c: what every job shares, and its watcher: one select over a ticker and three channels.
 */
#include "job.h"

#include <rung_debug.h>
#include <rung_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

void *job_memory(void *memory)
{
    if (memory != NULL)
        return memory;
    fprintf(stderr, "demo: out of memory\n");
    exit(1);
}

/* Adds what rung has counted so far, or takes it away. */
static void count(struct job *job, uint64_t sign)
{
    rung_statistics statistics;
    rung_statistics_read(&statistics);
    job->took_ns += (int64_t)sign * rung_now();
    job->switches += sign * statistics.switches;
    job->steals += sign * statistics.steals;
    job->hand_overs += sign * statistics.hand_overs;
}

int job_start(struct job *job)
{
    int error = rung_chan_open(&job->finished, 0, 0);
    if (error < 0)
        return error;
    error = rung_chan_open(&job->halfway, 0, 1);
    if (error < 0) {
        rung_chan_free(job->finished);
        return error;
    }
    count(job, (uint64_t)-1);
    rung_group_open(&job->group, job->timeout_ns);
    return 0;
}

void job_watch(struct job *job)
{
    const int64_t period_ns = progress_period_ns();
    rung_timer *ticker = NULL;
    int error = rung_timer_open(&ticker, period_ns, period_ns);
    if (error < 0)
        job_fail(job, error);
    while (error == 0) {
        enum { TICK, HALFWAY, INTERRUPT, FINISHED };
        rung_case cases[] = {
            [TICK] = RUNG_CASE_RECV(rung_timer_chan(ticker), NULL),
            [HALFWAY] = RUNG_CASE_RECV(job->halfway, NULL),
            [INTERRUPT] = RUNG_CASE_RECV(job->interrupts, NULL),
            [FINISHED] = RUNG_CASE_RECV(job->finished, NULL),
        };
        switch (rung_select(cases, 4)) {
        case TICK:
            progress_draw(job);
            break;
        case HALFWAY:
            rung_dump(job->dump_fd);
            break;
        case INTERRUPT:
            job->is_interrupted = true;
            rung_group_cancel(&job->group); /* and the next select gives back -ECANCELED */
            break;
        default:
            error = 1; /* finished, or the deadline has passed, or cancelled */
        }
    }
    progress_clear();
    rung_timer_close(ticker);
}

int job_end(struct job *job)
{
    int error = rung_group_wait(&job->group);
    job->error = job->error < 0 ? job->error : error;
    count(job, 1);
    rung_chan_free(job->halfway);
    rung_chan_free(job->finished);
    return job->error;
}

void job_fail(struct job *job, int error)
{
    rung_mutex_lock(&job->mutex);
    if (job->error == 0 && error != -ECANCELED && error != -ETIMEDOUT)
        job->error = error;
    rung_mutex_unlock(&job->mutex);
    rung_group_cancel(&job->group);
}

void job_note_failure(struct job *job, const char *path, int error)
{
    rung_mutex_lock(&job->mutex);
    if (job->failures++ == 0)
        snprintf(job->first_failure, sizeof job->first_failure, "%s: %s", path, strerror(error));
    rung_mutex_unlock(&job->mutex);
}

void job_note_block(struct job *job, size_t bytes, bool is_first)
{
    uint64_t half = job->expected_bytes / 2;
    uint64_t before = atomic_fetch_add_explicit(&job->bytes, bytes, memory_order_relaxed);
    if (is_first)
        atomic_fetch_add_explicit(&job->files, 1, memory_order_relaxed);
    if (job->dump_fd >= 0 && before <= half && before + bytes > half)
        rung_try_send(job->halfway, NULL); /* it has room: this happens once */
}
