/* SPDX-License-Identifier: MIT */
/*
 * busy_processor.h: goroutines that keep one processor busy for ever: two that make each other runnable, and one that
 * yields, so that the ring is never empty. Include it after common.h.
 */
#ifndef BUSY_PROCESSOR_H
#define BUSY_PROCESSOR_H

static rung_chan *busy_chan;
static atomic_int is_over;

/* Some microseconds between two turns, or a trace of some seconds would be hundreds of megabytes. */
static int ping(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over)) {
        for (int64_t until = rung_now() + RUNG_MICROSECONDS(5); rung_now() < until;)
            continue;
        send_int(busy_chan, 1);
    }
    rung_chan_close(busy_chan);
    return 0;
}

static int pong(void *arg)
{
    (void)arg;
    while (rung_recv(busy_chan, NULL) == 1)
        continue;
    return 0;
}

static int yielder(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over))
        rung_yield();
    return 0;
}

/* Begins, in the group; the two talk through a channel of this capacity. */
static void busy_start(rung_group *group, size_t capacity)
{
    atomic_store(&is_over, 0);
    busy_chan = chan_open(sizeof(int), capacity);
    rung_group_open(group, RUNG_FOREVER);
    group_go(group, ping, NULL);
    group_go(group, pong, NULL);
    group_go(group, yielder, NULL);
}

/* Waits for the group: somebody sets is_over. */
static void busy_wait(rung_group *group)
{
    EXPECT_EQ(rung_group_wait(group), 0);
    rung_chan_free(busy_chan);
}

#endif
