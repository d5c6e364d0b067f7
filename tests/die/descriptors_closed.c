/* SPDX-License-Identifier: MIT */
/*
 * A program that closes all descriptors, those of rung's own among them, as its goroutines sleep: a sentence, and not a sleep
 * without end.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: somebody has closed a descriptor of rung's own \(error \d+\)
 * test-traced: no
 */
#include "../run/common.h"

#include <rung_net.h>

static int reads(void *fd)
{
    char byte;
    return (int)rung_read(*(rung_fd *)fd, &byte, 1);
}

static int app(void *arg)
{
    rung_fd pair[2];
    (void)arg;
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pair), 0);
    go(reads, &pair[0]);
    wait_parked("IO wait", 1);
    for (int number = STDERR_FILENO + 1; number < 100; number++)
        close(number);
    return rung_sleep(RUNG_SECONDS(1000));
}

int main(void)
{
    run_on(2, app, NULL);
    return 0;
}
