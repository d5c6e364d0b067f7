/* SPDX-License-Identifier: MIT */
/*
 * 12_sieve.c: the prime sieve, a chain of goroutines that grows as it runs.
 *
 * One goroutine counts from 2 up. Each prime found adds a filter to the chain, which passes on
 * what that prime does not divide. What comes out of the last filter is the next prime.
 */
#include <rung.h>
#include <stdio.h>

enum { PRIMES = 20 };

struct filter {
    rung_chan *in, *out; /* of int; in is NULL for the first, which counts */
    int prime;
};

static int sieve(void *arg)
{
    struct filter *filter = arg; /* this goroutine's own copy */
    int number = 1, error = 1;
    while (error >= 0) {
        if (filter->in == NULL)
            number++;
        else if ((error = rung_recv(filter->in, &number)) < 0 || number % filter->prime == 0)
            continue;
        error = rung_send(filter->out, &number);
    }
    return error; /* -ECANCELED, in the end */
}

static int app(void *arg)
{
    rung_chan *chain[PRIMES] = { NULL };
    struct filter filter = { .in = NULL };
    rung_group group;
    rung_go_options options = { .group = &group, .copy = &filter, .copy_size = sizeof filter };
    int error = 0;
    (void)arg;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < PRIMES && error >= 0; i++) {
        error = rung_chan_open(&chain[i], sizeof(int), 0);
        filter.out = chain[i];
        error = error < 0 ? error : rung_go_with(&options, sieve, NULL);
        error = error < 0 ? error : rung_recv(filter.out, &filter.prime);
        if (error == 1)
            printf("%d%c", filter.prime, i % 10 == 9 ? '\n' : ' ');
        filter.in = filter.out;
    }
    rung_group_cancel(&group); /* every filter falls out of its channel */
    rung_group_wait(&group);
    for (int i = 0; i < PRIMES; i++)
        rung_chan_free(chain[i]);
    return error < 0 ? error : 0;
}

int main(void)
{
    return rung_run(app, NULL) < 0;
}
