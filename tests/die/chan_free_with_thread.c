/* SPDX-License-Identifier: MIT */
/*
 * Freeing a channel on which a plain thread waits panics too.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: .*free
 * expect-stderr: frees_it
 */
#include "run/common.h"

static atomic_int tid; /* of the thread, when it is about to wait */

static void *still_waits(void *chan)
{
    tid = (int)syscall(SYS_gettid);
    rung_recv(chan, 0);
    return 0;
}

/* How often it went to sleep so far; -1 if it is not asleep. */
static long sleeps(void)
{
    char path[64], line[128], state = 0;
    long count = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
    FILE *file = fopen(path, "r");
    EXPECT(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        sscanf(line, "State: %c", &state);
        sscanf(line, "voluntary_ctxt_switches: %ld", &count);
    }
    fclose(file);
    return state == 'S' ? count : -1;
}

static int frees_it(void *chan)
{
    thread_start(still_waits, chan);
    long before;
    while (tid == 0)
        rung_yield();
    do { /* until it sleeps on and on: it waits */
        before = sleeps();
        (void)rung_sleep(MS(100));
    } while (before < 0 || sleeps() != before);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    rung_chan *chan;
    return rung_chan_open(&chan, 8, 1) != 0 || rung_run(frees_it, chan) != 0;
}
