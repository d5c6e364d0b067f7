/* SPDX-License-Identifier: MIT */
/* Among ready cases select chooses evenly: each count within 7 sigma, alone and among unready ones. */
#include "common.h"

enum { TRIALS = 40000 }; /* of some 400 counts one in a thousand million runs lies farther out */

/* (count - mean)^2 <= 49 * variance, for each of the ready cases, whose chances are equal. */
static void expect_even(const int *counts, int total, uint32_t ready)
{
    int cases = __builtin_popcount(ready);
    double mean = (double)TRIALS / cases, variance = mean * (1 - 1.0 / cases);
    for (int i = 0; i < total; i++) {
        double distance = counts[i] - mean;
        if (ready >> i & 1 && distance * distance > 49 * variance)
            test_fail(__FILE__, __LINE__, "of %d cases %#x are ready, and %d was chosen %d times, not %.0f",
                      total, ready, i, counts[i], mean);
    }
}

/* `total` cases, of which those in the set `ready` are ready, to send or to receive. */
static void choose(int total, uint32_t ready, int is_try)
{
    rung_chan *closed = chan_open(sizeof(int), 0), *silent = chan_open(sizeof(int), 0);
    rung_case cases[32];
    int counts[32] = {0}, item = 0;
    rung_chan_close(closed);
    for (int i = 0; i < total; i++)
        cases[i] = !(ready >> i & 1) ? (rung_case)RUNG_CASE_RECV(silent, &item)
                 : i % 2             ? (rung_case)RUNG_CASE_SEND(closed, &item)
                                     : (rung_case)RUNG_CASE_RECV(closed, &item);
    for (int i = 0; i < TRIALS; i++) {
        int chosen = is_try ? rung_try_select(cases, (size_t)total) : rung_select(cases, (size_t)total);
        EXPECT(chosen >= 0 && chosen < total && (ready >> chosen & 1));
        counts[chosen]++;
    }
    expect_even(counts, total, ready);
    rung_chan_free(closed);
    rung_chan_free(silent);
}

static int app(void *arg)
{
    (void)arg;
    for (int total = 2; total <= 20; total += total < 5 ? 1 : 5)
        choose(total, (1u << total) - 1, total % 2); /* all of them are ready */
    for (int total = 2; total <= 6; total++)
        for (uint32_t ready = 1; ready < 1u << total; ready++)
            choose(total, ready, (int)ready % 2); /* some are */
    choose(20, 0x90801, 0);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
