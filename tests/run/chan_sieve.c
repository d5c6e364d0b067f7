/* SPDX-License-Identifier: MIT */
/* A chain of goroutines grown one by one, the prime sieve, finds the right primes. */
#include "common.h"

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
    rung_chan *in = chan_open(sizeof(int), 0);
    int prime = 0;
    go(generate, in);
    for (int i = 0; i < 200; i++) {
        prime = recv_int(in);
        for (int divisor = 2; divisor * divisor <= prime; divisor++)
            EXPECT(prime % divisor != 0);
        struct filter next = {in, chan_open(sizeof(int), 0), prime};
        EXPECT_EQ(rung_go_copy(filter, &next, sizeof next), 0);
        in = next.out;
    }
    EXPECT_EQ(prime, 1223);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
