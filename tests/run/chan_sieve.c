/* SPDX-License-Identifier: MIT */
/* A chain of goroutines grown one by one, the prime sieve, finds the right primes. */
#include "common.h"

static rung_chan *chans[201];

struct filter {
    rung_chan *in, *out;
    int prime;
};

static int generate(void *out)
{
    for (int i = 2;; i++)
        if (rung_send(out, &i) != 0)
            return 0; /* cancelled at the end of the run */
}

static int filter(void *arg)
{
    struct filter *me = arg;
    for (int i; rung_recv(me->in, &i) == 1;)
        if (i % me->prime != 0 && rung_send(me->out, &i) != 0)
            break;
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    int prime = 0;
    chans[0] = chan_open(sizeof(int), 0);
    go(generate, chans[0]);
    for (int i = 0; i < 200; i++) {
        prime = recv_int(chans[i]);
        for (int divisor = 2; divisor * divisor <= prime; divisor++)
            EXPECT(prime % divisor != 0);
        chans[i + 1] = chan_open(sizeof(int), 0);
        struct filter next = {chans[i], chans[i + 1], prime};
        EXPECT_EQ(rung_go_copy(filter, &next, sizeof next), 0);
    }
    EXPECT_EQ(prime, 1223);
    return 0;
}

int main(void)
{
    for (int procs = 1; procs <= 4; procs += 3) {
        run_on(procs, app, NULL);
        for (size_t i = 0; i < LENGTH(chans); i++) /* now all filters have ended */
            rung_chan_free(chans[i]);
    }
    return 0;
}
