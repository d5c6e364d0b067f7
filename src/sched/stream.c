/* SPDX-License-Identifier: MIT */
/*
 * stream.c: a trace that is written as it goes, to a file, a descriptor or a callback.
 *
 * Each generation is written once it is over and whole. One that is not ends the file; the next one is the first of another,
 * where there is a path, since a reader takes states over from each generation to the next, and what was lost in between cannot
 * be made up. So what was written can always be read: on a disk that is full, too, where what lies behind the last whole generation
 * is cut off.
 *
 * Rejected: writing an unfinished generation (if it then turns out not to be whole, what was written of it spoils the file).
 */
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "sched/trace.h"

enum { PARTS_MOST = 1000 };
#define GENERATION_NS RUNG_SECONDS(1)

/* The trace's thread's. */
static struct stream {
    rung_trace_options options;
    char path[TRACE_PATH_BYTES]; /* options.path, which the caller need not keep */
    int fd;            /* opened by us, or -1 */
    uint64_t written, whole; /* bytes of it; and up to the end of the last generation */
    struct wire *wire; /* NULL: it has ended, by an error */
    int error;
    uint32_t parts;    /* files so far: one more after each loss */
    bool is_open;      /* it was started, and not yet stopped; who has control may look */
} stream;

bool stream_is_open(void)
{
    return stream.is_open;
}

int stream_sample_hz(void)
{
    return stream.is_open ? stream.options.sample_hz : 0;
}

void stream_limit(int64_t *generation_ns)
{
    if (stream.wire != NULL && stream.options.generation_ns < *generation_ns)
        *generation_ns = stream.options.generation_ns;
}

/* ---- writing ---- */

/* Between two generations: what there is can be read, whatever becomes of the rest. */
static void keep_written(void)
{
    if (wire_error(stream.wire) == 0)
        stream.whole = stream.written;
}

static void end(int error)
{
    if (stream.wire == NULL)
        return;
    if (wire_is_empty(stream.wire)) { /* readers want a generation */
        struct trace_generation info = trace_generation_of_now(1);
        wire_note(stream.wire, &info, "nothing more was recorded");
    }
    keep_written();
    int closed = wire_close(stream.wire);
    stream.wire = NULL;
    stream.error = error != 0 ? error : closed != 0 ? closed : stream.error;
    if (stream.fd < 0)
        return;
    if (closed != 0)
        os_cut(stream.fd, stream.whole); /* a disk that is full: what lies behind is no generation */
    os_close(stream.fd);
}

static int write_fd(void *arg, const void *bytes, size_t count)
{
    (void)arg;
    stream.written += count;
    return os_write_all(stream.fd >= 0 ? stream.fd : stream.options.fd, bytes, count);
}

/* The last thing in a file is what was lost behind it. */
static void note_lost(const struct trace_generation *info, const char *next)
{
    char text[TRACE_STRING_MOST];
    snprintf(text, sizeof text, "the trace ends here: at least %llu events found no memory%s%.900s",
             (unsigned long long)event_lost(info->number), next != NULL ? "; it goes on in " : "", next != NULL ? next : "");
    wire_note(stream.wire, info, text);
}

/* After a loss it goes on in another file, since states cannot be taken over; where there is no path it has ended. */
static void part(const struct trace_generation *info)
{
    char path[TRACE_PATH_BYTES];
    bool goes_on = stream.options.path != NULL && stream.parts < PARTS_MOST &&
                   snprintf(path, sizeof path, "%s.part%u", stream.options.path, stream.parts + 1) < (int)sizeof path;
    note_lost(info, goes_on ? path : NULL);
    int fd = goes_on && wire_error(stream.wire) == 0 ? os_create(path) : -1;
    if (fd < 0) {
        end(-ENOBUFS);
        return;
    }
    os_close(stream.fd);
    stream.fd = fd;
    stream.written = stream.whole = 0;
    stream.parts++;
    stream.error = -ENOBUFS;
    wire_restart(stream.wire, write_fd, NULL, stream.options.version);
}

void stream_take(const struct trace_generation *info, const struct buffers *buffers, bool is_whole)
{
    if (stream.wire == NULL)
        return;
    if (is_whole)
        buffers_write(buffers, stream.wire, info);
    else
        part(info);
    if (stream.wire == NULL)
        return;
    keep_written();
    if (wire_error(stream.wire) != 0)
        end(wire_error(stream.wire));
}

void stream_end(void)
{
    end(0);
}

void stream_forget(void)
{
    if (stream.wire != NULL)
        wire_forget(stream.wire);
}

/* ---- on the thread, as it is asked ---- */

static int answer_start(struct trace_request *request)
{
    const rung_trace_options *options = request->options;
    bool calls = options->path == NULL && options->write != NULL;
    stream = (struct stream){ .options = *options, .fd = -1, .parts = 1 };
    if (options->path != NULL) {
        int error = trace_keep_path(&stream.options.path, stream.path);
        if (error != 0)
            return error;
        stream.fd = os_create(options->path);
        if (stream.fd < 0)
            return stream.fd;
    }
    struct wire *wire = wire_open(calls ? options->write : write_fd, calls ? options->write_arg : NULL,
                                  options->symbolize, options->version);
    if (wire == NULL && stream.fd >= 0)
        os_close(stream.fd);
    if (wire == NULL)
        return -ENOMEM;
    if (trace_users() > 0)
        trace_turn(false); /* for the first user a generation has just begun */
    stream.wire = wire;
    stream.is_open = true;
    return 0;
}

static int answer_stop(struct trace_request *request)
{
    (void)request;
    if (stream.wire != NULL)
        trace_turn(trace_users() == 1);
    end(0);
    stream.is_open = false;
    return stream.error;
}

/* ---- the calls ---- */

static int check_options(rung_trace_options *options)
{
    bool has_place = options->path != NULL || options->write != NULL || options->fd > 0;
    if (!has_place || options->generation_ns < 0 || (options->memory != 0 && options->memory < TRACE_MEMORY_LEAST) ||
        (options->version != 0 && options->version != 23 && options->version != 25))
        return -EINVAL;
    if (options->generation_ns == 0)
        options->generation_ns = GENERATION_NS;
    if (options->memory == 0)
        options->memory = TRACE_MEMORY_DEFAULT;
    if (options->version == 0)
        options->version = 25;
    if (options->symbolize == NULL)
        options->symbolize = rung_symbolize; /* NULL if that is not there */
    return trace_check_sampling(options->sample_hz);
}

int stream_start_locked(const rung_trace_options *options)
{
    rung_trace_options checked = *options;
    int error = check_options(&checked);
    if (trace_has_thread() && stream.is_open)
        return -EBUSY;
    if (error == 0 && !trace_has_thread())
        error = trace_thread_start(checked.memory, NULL, checked.symbolize);
    return error != 0 ? error : trace_ask((struct trace_request){ .answer = answer_start, .options = &checked });
}

int stream_stop_locked(void)
{
    if (!trace_has_thread() || !stream.is_open)
        return -ESRCH;
    return trace_ask((struct trace_request){ .answer = answer_stop });
}

int rung_trace_start(const rung_trace_options *options)
{
    if (options == NULL)
        return -EINVAL;
    int error = trace_enter_run();
    if (error != 0)
        return error;
    error = stream_start_locked(options);
    trace_leave();
    return error;
}

int rung_trace_stop(void)
{
    int error = trace_enter();
    if (error != 0)
        return error;
    error = stream_stop_locked();
    trace_leave();
    return error;
}
