/* SPDX-License-Identifier: MIT */
/* A dump to a pipe that is full, and does not block, waits for room: nothing is left out. The reader is a goroutine. */
#include "net.h"

#include <fcntl.h>

enum { STACKS = 100 };

static rung_fd ends[2];
static char text[1 << 20];

static int waits(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
    return 0;
}

static int waits_deeper(void *arg)
{
    uintptr_t depth = (uintptr_t)arg;
    int result = depth > 0 ? waits_deeper((void *)(depth - 1)) : waits(NULL);
    EXPECT_EQ(result, 0);
    return result;
}

static int reads(void *arg)
{
    int64_t got, length = 0;
    while ((got = rung_read(ends[0], text + length, sizeof text - 1 - (size_t)length)) > 0)
        length += got;
    EXPECT_EQ(got, 0);
    EXPECT_EQ(rung_send(arg, NULL), 0);
    return 0;
}

static int app(void *arg)
{
    rung_chan *is_read = chan_open(0, 0);
    (void)arg;
    memset(text, 0, sizeof text);
    EXPECT_EQ(rung_pipe(ends), 0);
    EXPECT(fcntl(rung_fd_number(ends[1]), F_SETPIPE_SZ, 4096) >= 0);
    for (uintptr_t i = 0; i < STACKS; i++)
        go(waits_deeper, (void *)i);
    wait_parked("sleep", STACKS);
    go(reads, is_read);
    EXPECT_EQ(rung_dump(rung_fd_number(ends[1])), 0);
    EXPECT_EQ(rung_close(ends[1]), 0);
    EXPECT_EQ(rung_recv(is_read, NULL), 1);
    EXPECT_EQ(dump_count(text, "sleep"), STACKS);
    EXPECT_EQ(rung_close(ends[0]), 0);
    rung_chan_free(is_read);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
