/* SPDX-License-Identifier: MIT */
/* On one processor a goroutine that only yields does not keep others from what their descriptors tell: 200 round trips. */
/* test-timeout: 60 */
#include "net.h"

enum { ROUNDS = 200 };

static atomic_bool is_done; /* the one processor may be taken from who reads it */

static int yield_until_done(void *arg)
{
    (void)arg;
    while (!is_done)
        rung_yield();
    return 0;
}

/* Not a goroutine: what it writes comes as an event, and not as a call on this processor. */
static void *echo(void *arg)
{
    const rung_fd *end = arg;
    char byte;
    while (rung_read(*end, &byte, 1) == 1)
        EXPECT_EQ(rung_write(*end, &byte, 1), 1);
    return NULL;
}

static int app(void *arg)
{
    rung_fd pair[2];
    pthread_t thread;
    char byte = 'x';
    (void)arg;
    is_done = false;
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pair), 0);
    EXPECT_EQ(pthread_create(&thread, NULL, echo, &pair[1]), 0);
    go(yield_until_done, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT_EQ(rung_write(pair[0], &byte, 1), 1);
        EXPECT_EQ(rung_read(pair[0], &byte, 1), 1);
    }
    is_done = true;
    EXPECT_EQ(rung_close(pair[0]), 0);
    pthread_join(thread, NULL);
    return rung_close(pair[1]);
}

int main(void)
{
    run_on(1, app, NULL);
    return 0;
}
