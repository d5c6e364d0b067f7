/* SPDX-License-Identifier: MIT */
/*
 * RLIMIT_FSIZE: a flight recorder whose file may not become that large is refused, and SIGXFSZ does not end the process; a
 * run of RUNG_FLIGHT's goes on without.
 *
 * test-traced: no
 * expect-stderr: ^rung: no flight recorder in /tmp/rung-file-size-\d+ \(error 27\)$
 */
#include "hostile.h"

static char path[64];

static int app(void *arg)
{
    rung_flight *flight;
    const rung_flight_options options = {.file = path};
    EXPECT_EQ(rung_flight_start(&flight, &options), -EFBIG);
    return arg != NULL;
}

int main(void)
{
    snprintf(path, sizeof path, "/tmp/rung-file-size-%d", (int)getpid());
    limit(RLIMIT_FSIZE, 100);
    EXPECT_EQ(setenv("RUNG_FLIGHT", path, 1), 0);
    run_on(2, app, NULL);
    unlink(path);
    return 0;
}
