/* SPDX-License-Identifier: MIT */
/*
 * 09_blocking.c: a call that blocks in the kernel stops one goroutine, not the program.
 *
 * There is one processor, so that one goroutine runs at a time. The reader sits in plain read(2),
 * which knows nothing of rung; the monitor sees its thread asleep and hands the processor over.
 */
#define _GNU_SOURCE 1
#include <rung.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int pipe_ends[2];

static int read_pipe(void *arg)
{
    char text[16] = "";
    printf("reader: I go into read(2)\n");
    int error = rung_send(arg, NULL); /* the channel has room: this does not park */
    if (error == 0 && read(pipe_ends[0], text, sizeof text - 1) > 0)
        printf("reader: I have read \"%s\"\n", text);
    return error;
}

static int app(void *arg)
{
    rung_chan *started;
    rung_group group;
    int error = rung_chan_open(&started, 0, 1); /* items of no bytes: a pure signal */
    (void)arg;
    if (error < 0)
        return error;
    rung_group_open(&group, RUNG_FOREVER);
    error = rung_group_go(&group, read_pipe, started);
    if (error == 0 && rung_recv(started, NULL) == 1)
        for (int tick = 1; tick <= 3; tick++) {
            error = rung_sleep(RUNG_MILLISECONDS(10));
            printf("app: tick %d\n", tick);
        }
    if (write(pipe_ends[1], "wake up", 7) != 7)
        abort();
    int first = rung_group_wait(&group);
    rung_chan_free(started);
    return first < 0 ? first : error;
}

int main(void)
{
    setenv("RUNG_PROCS", "1", 1);
    return pipe(pipe_ends) < 0 || rung_run(app, NULL) < 0;
}
