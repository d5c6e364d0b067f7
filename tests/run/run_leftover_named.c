/* SPDX-License-Identifier: MIT */
/* A goroutine that will not end after fn has returned is named on stderr, with its stack. */
#include "common.h"

#include <fcntl.h>

static int ends[2];

static int stubborn_goroutine(void *arg)
{
    (void)arg;
    char text[65536], number[40];
    size_t length = 0;
    rung_scope shield;
    snprintf(number, sizeof number, "goroutine %" PRIu64 " ", rung_id());
    rung_shield_open(&shield, RUNG_FOREVER);
    for (;;) { /* will not end before it has been named, "every few seconds" */
        ssize_t count = read(ends[0], text + length, sizeof text - 1 - length);
        length += count > 0 ? (size_t)count : 0;
        text[length] = '\0';
        if (strstr(text, "stubborn_goroutine") != NULL && strstr(text, number) != NULL)
            break;
        EXPECT(length < sizeof text - 1);
        EXPECT_EQ(rung_sleep(MS(5)), 0);
    }
    return rung_scope_close(&shield);
}

static int app(void *arg)
{
    (void)arg;
    go(stubborn_goroutine, NULL);
    return 0;
}

int main(void)
{
    int saved = dup(STDERR_FILENO);
    EXPECT_EQ(pipe2(ends, O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    int result = rung_run(app, NULL);
    dup2(saved, STDERR_FILENO);
    EXPECT_EQ(result, 0);
    return 0;
}
