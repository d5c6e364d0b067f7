/* SPDX-License-Identifier: MIT */
/* Goroutines that all wait for descriptors are no deadlock: the world may yet say something. Here a child process does. */
#include "net.h"

#include <rung_process.h>

static int app(void *arg)
{
    static const char *const argv[] = { "sh", "-c", "sleep 0.3; echo x", NULL };
    static const rung_spawn_options options = { .output = RUNG_STDIO_PIPE };
    rung_process process;
    char bytes[4];
    (void)arg;
    EXPECT_EQ(rung_spawn(&process, argv, &options), 0);
    EXPECT_EQ(rung_read(process.output, bytes, 4), 2);
    EXPECT_EQ(rung_process_wait(&process, NULL), 0);
    return rung_close(process.output);
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
