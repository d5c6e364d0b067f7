/* SPDX-License-Identifier: MIT */
/* locks.c: mutex4: four goroutines lock, add one, unlock; one operation is an addition. */
#include <stdlib.h>

#include "bench.h"

enum { ADDERS = 4, ADDITIONS = 4000000 };

static rung_mutex mutex;
static long total; /* under mutex */
static rung_waitgroup adders_left;

static int add(void *arg)
{
    (void)arg;
    for (int i = 0; i < ADDITIONS / ADDERS; i++) {
        rung_mutex_lock(&mutex);
        total++;
        rung_mutex_unlock(&mutex);
    }
    rung_waitgroup_done(&adders_left);
    return 0;
}

double batch_mutex4(void)
{
    total = 0;
    rung_waitgroup_add(&adders_left, ADDERS);
    int64_t begin = rung_now();
    for (int i = 0; i < ADDERS; i++)
        start(add, NULL);
    MUST(rung_waitgroup_wait(&adders_left));
    double result = (double)(rung_now() - begin) / ADDITIONS;
    if (total != ADDITIONS)
        abort();
    return result;
}
