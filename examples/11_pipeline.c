/* SPDX-License-Identifier: MIT */
/*
 * 11_pipeline.c: stages joined by channels, and how the last one stops the first.
 *
 * generate -> square -> app, which sums up. The generator never ends by itself: when app has what
 * it wants, it cancels the group, and every stage falls out of the call that it is parked in.
 */
#include <rung.h>
#include <stdio.h>
#include <string.h>

static rung_chan *numbers, *squares; /* of long */

static int generate(void *arg)
{
    int error = 0;
    (void)arg;
    for (long number = 1; error == 0; number++)
        error = rung_send(numbers, &number);
    return error; /* -ECANCELED, in the end */
}

static int square(void *arg)
{
    int error = 0;
    long number;
    (void)arg;
    while (error == 0 && (error = rung_recv(numbers, &number)) == 1) {
        number *= number;
        error = rung_send(squares, &number);
    }
    return error;
}

static int app(void *arg)
{
    rung_group stages;
    long total = 0, number;
    (void)arg;
    rung_group_open(&stages, RUNG_SECONDS(60));
    int error = rung_group_go(&stages, generate, NULL);
    error = error < 0 ? error : rung_group_go(&stages, square, NULL);
    while (error == 0 && total < 1000 && rung_recv(squares, &number) == 1)
        total += number;
    rung_group_cancel(&stages);
    printf("the stages ended: %s\n", strerror(-rung_group_wait(&stages)));
    printf("the first sum of squares from 1000 up is %ld\n", total);
    return error;
}

int main(void)
{
    int error = rung_chan_open(&numbers, sizeof(long), 0);
    error = error < 0 ? error : rung_chan_open(&squares, sizeof(long), 0);
    error = error < 0 ? error : rung_run(app, NULL);
    rung_chan_free(numbers);
    rung_chan_free(squares);
    return error < 0;
}
