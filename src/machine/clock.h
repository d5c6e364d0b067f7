/* SPDX-License-Identifier: MIT */
/*
 * clock.h: the monotonic time, for less than the kernel takes for it, and never behind it.
 *
 * clock_gettime takes 24 ns, half of it a fence. A thread's clock counts the CPU's ticks from an anchor, a moment at
 * which it has asked the kernel, and asks again after SPAN. So an error lives no longer than that, whatever
 * becomes of the ticks: suspended, moved to another machine, stopped.
 *
 *   Never behind: an anchor's ticks are read before its time, to which one tick is added, and the rate, measured
 *   between two anchors, is rounded up by more than it can be wrong. So a deadline set by this clock never comes
 *   early, and at most 1 us late. Where the kernel slews its clock at once by more than 100 ppm it may be behind by
 *   1 us, for one SPAN.
 *
 * Not for measuring: it steps back at an anchor. Where reading ticks and the time takes long, or ticks are coarse
 * (emulators), or don't fit the time, it always asks the kernel.
 */
#ifndef RUNG_CLOCK_H
#define RUNG_CLOCK_H

#include "machine/arch.h"

/* One thread's; begins as zeros. */
struct clock {
    uint64_t ticks; /* of the anchor */
    int64_t ns;     /* its time */
    uint64_t span;  /* ticks that it is good for; 0: the rate is not known yet */
    uint64_t rate;  /* ns per tick, times 2^32 */
};

int64_t clock_ask(struct clock *clock);

static always_inline int64_t clock_now(struct clock *clock)
{
    uint64_t passed = machine_ticks() - clock->ticks;
    if (unlikely(passed >= clock->span))
        return clock_ask(clock);
    return clock->ns + (int64_t)(passed * clock->rate >> 32);
}

#endif
