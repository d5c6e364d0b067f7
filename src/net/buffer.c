/* SPDX-License-Identifier: MIT */
/*
 * buffer.c: a reader and a writer with a buffer of the user's.
 *
 * What has been read and not taken is bytes[begin, end); it moves to the buffer's front when there is no room behind it.
 * What has been written and not flushed is bytes[0, end). Large pieces bypass the buffer.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rung_net.h>

#include "base/base.h"

/* ---- reading ---- */

void rung_reader_open(rung_reader *reader, rung_fd fd, void *bytes, size_t size)
{
    *reader = (rung_reader){ .fd = fd, .bytes = bytes, .size = size };
}

static size_t held(const rung_reader *reader)
{
    return reader->end - reader->begin;
}

/* Reads some more behind what is held. Bytes, 0 at the end, -EMSGSIZE if there is no room. */
static int64_t fill(rung_reader *reader)
{
    if (held(reader) == reader->size)
        return -EMSGSIZE;
    if (reader->begin > 0 && (held(reader) == 0 || reader->end == reader->size)) {
        memmove(reader->bytes, reader->bytes + reader->begin, held(reader));
        reader->end -= reader->begin;
        reader->begin = 0;
    }
    int64_t got = rung_read(reader->fd, reader->bytes + reader->end, reader->size - reader->end);
    if (got > 0)
        reader->end += (size_t)got;
    return got;
}

int64_t rung_reader_until(rung_reader *reader, char delimiter, char **piece)
{
    size_t looked = 0;
    for (;;) {
        char *from = reader->bytes + reader->begin;
        const char *found = held(reader) > looked ? memchr(from + looked, delimiter, held(reader) - looked) : NULL;
        if (found != NULL) {
            size_t length = (size_t)(found - from) + 1;
            reader->begin += length;
            *piece = from;
            return (int64_t)length;
        }
        looked = held(reader);
        int64_t got = fill(reader);
        if (got < 0)
            return got;
        if (got == 0) { /* the end: what is left has no delimiter */
            *piece = reader->bytes + reader->begin;
            reader->begin = reader->end;
            return (int64_t)looked;
        }
    }
}

int64_t rung_reader_line(rung_reader *reader, char **line)
{
    return rung_reader_until(reader, '\n', line);
}

int64_t rung_reader_peek(rung_reader *reader, size_t count, char **piece)
{
    if (count > reader->size)
        return -EMSGSIZE;
    while (held(reader) < count) {
        if (reader->begin + count > reader->size) { /* no room behind it */
            memmove(reader->bytes, reader->bytes + reader->begin, held(reader));
            reader->end -= reader->begin;
            reader->begin = 0;
        }
        int64_t got = fill(reader);
        if (got < 0)
            return got;
        if (got == 0)
            break;
    }
    *piece = reader->bytes + reader->begin;
    return (int64_t)held(reader);
}

void rung_reader_skip(rung_reader *reader, size_t count)
{
    reader->begin += count < held(reader) ? count : held(reader);
}

static size_t take(rung_reader *reader, void *bytes, size_t count)
{
    size_t taken = count < held(reader) ? count : held(reader);
    memcpy(bytes, reader->bytes + reader->begin, taken);
    reader->begin += taken;
    return taken;
}

int64_t rung_reader_read(rung_reader *reader, void *bytes, size_t count)
{
    if (held(reader) == 0 && count >= reader->size)
        return rung_read(reader->fd, bytes, count);
    if (held(reader) == 0 && count > 0) {
        int64_t got = fill(reader);
        if (got <= 0)
            return got;
    }
    return count > 0 ? (int64_t)take(reader, bytes, count) : 0;
}

int64_t rung_reader_read_full(rung_reader *reader, void *bytes, size_t count)
{
    size_t done = 0;
    while (done < count) {
        int64_t got = rung_reader_read(reader, (char *)bytes + done, count - done);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

/* ---- writing ---- */

void rung_writer_open(rung_writer *writer, rung_fd fd, void *bytes, size_t size)
{
    *writer = (rung_writer){ .fd = fd, .bytes = bytes, .size = size };
}

/* After an error nothing more is written: part of what was flushed may have been. */
static int64_t keep_error(rung_writer *writer, int64_t result)
{
    if (result < 0)
        writer->error = (int)result;
    return result;
}

int rung_writer_flush(rung_writer *writer)
{
    if (writer->error != 0)
        return writer->error;
    if (writer->end == 0)
        return 0;
    size_t count = writer->end;
    writer->end = 0;
    return keep_error(writer, rung_write_full(writer->fd, writer->bytes, count)) < 0 ? writer->error : 0;
}

int64_t rung_writer_write(rung_writer *writer, const void *bytes, size_t count)
{
    if (writer->error != 0)
        return writer->error;
    if (count > writer->size - writer->end) { /* both in one call: the rest of the buffer stays unused */
        struct iovec parts[2] = { { writer->bytes, writer->end }, { (void *)bytes, count } };
        writer->end = 0;
        int64_t put = keep_error(writer, rung_writev_full(writer->fd, parts, 2));
        return put < 0 ? put : (int64_t)count;
    }
    if (count > 0)
        memcpy(writer->bytes + writer->end, bytes, count);
    writer->end += count;
    return (int64_t)count;
}

int64_t rung_writer_printf(rung_writer *writer, const char *format, ...)
{
    for (int time = 0; time < 2; time++) {
        va_list list;
        va_start(list, format);
        int length = vsnprintf(writer->bytes + writer->end, writer->size - writer->end, format, list);
        va_end(list);
        if (length < 0)
            return -EINVAL;
        if (writer->error != 0)
            return writer->error;
        if ((size_t)length < writer->size - writer->end) {
            writer->end += (size_t)length;
            return length;
        }
        int error = rung_writer_flush(writer);
        if (error != 0)
            return error;
    }
    return -EMSGSIZE;
}
