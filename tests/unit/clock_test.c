/* SPDX-License-Identifier: MIT */
/* A thread's clock: never behind the kernel's, hardly ahead of it, whatever becomes of the ticks. */
#include "machine/clock.h"

#include "base/os.h"
#include "test.h"

enum { AHEAD_NS = 2000 };
#define FOR_NS   INT64_C(100000000)
#define WRONG_NS INT64_C(5000000) /* no error lives longer */

static struct clock now;
static uint64_t reads, behind, counted;

static void read_once(void)
{
    int64_t anchor = now.ns, before = os_now(), time = clock_now(&now), after = os_now();
    reads++;
    counted += now.span != 0 && now.ns == anchor;
    behind += time < before;
    EXPECT(time >= before - AHEAD_NS);
    EXPECT(time <= after + AHEAD_NS);
}

static void read_for(int64_t duration)
{
    for (int64_t end = os_now() + duration; os_now() < end;)
        read_once();
}

int main(void)
{
    read_for(FOR_NS);
    EXPECT(behind * 100 <= reads); /* the kernel may slew its own */
    printf("%" PRIu64 " reads, %" PRIu64 " by ticks, %" PRIu64 " behind; %.6f ns per tick\n", reads,
           counted, behind, (double)now.rate / 4294967296.0);
    static const int64_t jumps[] = { 1000, -1000, 1 << 20, -(1 << 20), INT64_C(1) << 40, -(INT64_C(1) << 40), INT64_MAX };
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        now.ticks += (uint64_t)jumps[i];
        for (int64_t end = os_now() + WRONG_NS; os_now() < end;)
            (void)clock_now(&now);
        read_for(FOR_NS / 10);
    }
    os_sleep(INT64_C(1100000000)); /* too far from the last anchor to tell a rate by */
    read_for(FOR_NS / 10);
    return 0;
}
