/* SPDX-License-Identifier: MIT */
/* clock.c: the anchors of clock.h. */
#include "machine/clock.h"

#include "base/os.h"

#define SPAN_NS  INT64_C(2000000)    /* how long an anchor is good; at least between two that give a rate */
#define FAR_NS   INT64_C(1000000000) /* two farther apart say nothing: the machine may have slept */
#define SURE_NS  INT64_C(200)        /* ticks and time were read together: a rate is right to 200 ns in SPAN */
enum { ROUND_UP = 12, LIKE = 6, READS = 64 }; /* 2^-12, more than that; rates are alike that differ by less than 2^-6 */

/* Not so under QEMU's user mode, whose ticks are those of a clock of microseconds. */
static bool are_ticks_fine(uint64_t rate)
{
    uint64_t least = 0;
    for (int i = 0; i < READS; i++) {
        uint64_t before = machine_ticks(), step = machine_ticks() - before;
        if (step != 0 && (least == 0 || step < least))
            least = step;
    }
    return least != 0 && least <= ((uint64_t)SURE_NS << 32) / rate + 1;
}

static uint64_t rate_of(uint64_t ticks, int64_t ns)
{
    uint64_t rate = ticks != 0 ? ((uint64_t)ns << 32) / ticks : 0;
    return rate + (rate >> ROUND_UP);
}

static bool are_alike(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) < a >> LIKE;
}

/* A rate is counted by once the last one was like it. */
noinline int64_t clock_ask(struct clock *clock)
{
    int64_t before = os_now();
    if (clock->span == 0 && before - clock->ns < SPAN_NS)
        return before;
    uint64_t ticks = machine_ticks();
    int64_t now = os_now();
    if (now - before > SURE_NS)
        return now;
    if (now - clock->ns <= FAR_NS) {
        uint64_t rate = rate_of(ticks - clock->ticks, now - clock->ns);
        bool is_sure = are_alike(rate, clock->rate) && (clock->span != 0 || are_ticks_fine(rate));
        clock->span = is_sure ? ((uint64_t)SPAN_NS << 32) / rate : 0;
        clock->rate = rate;
    }
    clock->ticks = ticks;
    clock->ns = now + (int64_t)(clock->rate >> 32) + 1; /* up to one tick is not counted */
    return now;
}
