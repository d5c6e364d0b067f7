/* SPDX-License-Identifier: MIT */
/* Among ready cases select chooses evenly: each count within 5 sigma, alone and among unready ones. */
#include "common.h"

enum { TRIALS = 20000 };

/* (count - mean)^2 <= 25 * variance, for `ready` cases of equal chance. */
static void expect_even(const int *counts, int ready, int stride)
{
    double mean = (double)TRIALS / ready, variance = mean * (1 - 1.0 / ready);
    for (int i = 0; i < ready; i++) {
        double distance = counts[i * stride] - mean;
        if (distance * distance > 25 * variance)
            test_fail(__FILE__, __LINE__, "%d of %d: chosen %d times of %d", i, ready,
                      counts[i * stride], TRIALS);
    }
}

static void choose(int ready, int stride, int is_try)
{
    rung_chan *closed = chan_open(sizeof(int), 0), *silent = chan_open(sizeof(int), 0);
    rung_case cases[64];
    int counts[64] = {0}, item = 0, total = ready * stride;
    rung_chan_close(closed);
    for (int i = 0; i < total; i++)
        cases[i] = i % stride ? (rung_case)RUNG_CASE_RECV(silent, &item)
                 : i % 2      ? (rung_case)RUNG_CASE_SEND(closed, &item)
                              : (rung_case)RUNG_CASE_RECV(closed, &item);
    for (int i = 0; i < TRIALS; i++) {
        int chosen = is_try ? rung_try_select(cases, (size_t)total) : rung_select(cases, (size_t)total);
        EXPECT(chosen >= 0 && chosen < total && chosen % stride == 0);
        counts[chosen]++;
    }
    expect_even(counts, ready, stride);
    rung_chan_free(closed);
    rung_chan_free(silent);
}

static int app(void *arg)
{
    (void)arg;
    for (int ready = 2; ready <= 20; ready += ready < 5 ? 1 : 5)
        for (int stride = 1; stride <= 3; stride += 2)
            choose(ready, stride, ready % 2);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
