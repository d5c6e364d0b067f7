/* SPDX-License-Identifier: MIT */
/* The buffered reader and writer: lines whole and torn, too long, without an end; exact counts; what is flushed when. */
#include "net.h"

static rung_fd ends[2];

static void expect_line(rung_reader *reader, const char *expected)
{
    char *line;
    EXPECT_EQ(rung_reader_line(reader, &line), strlen(expected));
    EXPECT(memcmp(line, expected, strlen(expected)) == 0);
}

static int write_slowly(void *arg)
{
    for (const char *text = arg; *text != '\0'; text++) {
        EXPECT_EQ(rung_write(ends[1], text, 1), 1);
        rung_yield();
    }
    return rung_close(ends[1]);
}

static void lines(void)
{
    static char text[] = "first\nsecond\r\n\nfourth is longer\nlast";
    char bytes[20], *line;
    rung_reader reader;
    EXPECT_EQ(rung_pipe(ends), 0);
    go(write_slowly, text);
    rung_reader_open(&reader, ends[0], bytes, sizeof bytes);
    expect_line(&reader, "first\n");
    expect_line(&reader, "second\r\n");
    expect_line(&reader, "\n");
    expect_line(&reader, "fourth is longer\n");
    expect_line(&reader, "last");
    EXPECT_EQ(rung_reader_line(&reader, &line), 0);
    EXPECT_EQ(rung_close(ends[0]), 0);
    EXPECT_EQ(rung_reader_line(&reader, &line), -EBADF);
}

static void counts(void)
{
    char bytes[16], out[64], *piece;
    rung_reader reader;
    EXPECT_EQ(rung_pipe(ends), 0);
    EXPECT_EQ(rung_write(ends[1], "0123456789abcdefghijklmnopqrstuvwxyz,end", 40), 40);
    EXPECT_EQ(rung_close(ends[1]), 0);
    rung_reader_open(&reader, ends[0], bytes, sizeof bytes);
    EXPECT_EQ(rung_reader_read(&reader, out, 3), 3);
    EXPECT(rung_reader_peek(&reader, 16, &piece) == 16 && memcmp(piece, "3456789abcdefghi", 16) == 0);
    EXPECT_EQ(rung_reader_peek(&reader, 17, &piece), -EMSGSIZE);
    EXPECT_EQ(rung_reader_line(&reader, &piece), -EMSGSIZE); /* and nothing is lost */
    rung_reader_skip(&reader, 2);
    EXPECT(rung_reader_read_full(&reader, out, 20) == 20 && memcmp(out, "56789abcdefghijklmno", 20) == 0);
    EXPECT(rung_reader_until(&reader, ',', &piece) == 12 && memcmp(piece, "pqrstuvwxyz,", 12) == 0);
    EXPECT_EQ(rung_reader_peek(&reader, 9, &piece), 3);
    EXPECT_EQ(rung_reader_read_full(&reader, out, 20), 3);
    EXPECT_EQ(rung_reader_read(&reader, out, 20), 0);
    EXPECT_EQ(rung_reader_read(&reader, out, 0), 0);
    EXPECT_EQ(rung_close(ends[0]), 0);
}

static void writes(void)
{
    char bytes[10], out[64];
    rung_writer writer;
    EXPECT_EQ(rung_pipe(ends), 0);
    rung_writer_open(&writer, ends[1], bytes, sizeof bytes);
    EXPECT_EQ(rung_writer_write(&writer, "abcd", 4), 4);
    EXPECT_EQ(rung_writer_printf(&writer, "%d", 5), 1);
    rung_scope scope;
    rung_scope_open(&scope, MS(2));
    EXPECT_EQ(rung_read(ends[0], out, 64), -ETIMEDOUT); /* nothing was flushed */
    rung_scope_close(&scope);
    EXPECT_EQ(rung_writer_write(&writer, "0123456789", 10), 10);
    EXPECT(rung_read(ends[0], out, 64) == 15 && memcmp(out, "abcd50123456789", 15) == 0);
    EXPECT_EQ(rung_writer_write(&writer, "x", 1), 1);
    EXPECT_EQ(rung_writer_printf(&writer, "%s", "nine....."), 9);
    EXPECT(rung_read(ends[0], out, 64) == 1 && out[0] == 'x');
    EXPECT_EQ(rung_writer_printf(&writer, "%s", "longer than that"), -EMSGSIZE);
    EXPECT_EQ(rung_writer_flush(&writer), 0);
    EXPECT_EQ(rung_writer_flush(&writer), 0);
    EXPECT(rung_read(ends[0], out, 64) == 9);
    EXPECT_EQ(rung_close(ends[0]), 0);
    int error;
    do
        EXPECT_EQ(rung_writer_write(&writer, "y", 1), 1);
    while ((error = rung_writer_flush(&writer)) == 0); /* the kernel, in another thread's epoll_wait, may hold the other end a moment longer */
    EXPECT_EQ(error, -EPIPE);
    EXPECT_EQ(rung_writer_write(&writer, "y", 1), -EPIPE);
    EXPECT_EQ(rung_writer_printf(&writer, "y"), -EPIPE);
    EXPECT_EQ(rung_close(ends[1]), 0);
}

static int app(void *arg)
{
    (void)arg;
    lines();
    counts();
    writes();
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
