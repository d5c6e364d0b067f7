/* SPDX-License-Identifier: MIT */
/*
 * 02_channel.c: goroutines talk by channels.
 *
 * A channel carries items of one size, by copy. This one has no buffer: a sender parks until a
 * receiver takes its item. rung_recv gives back 1 for an item and 0 once the channel is closed and
 * empty; what is below 0 is an error.
 */
#include <rung.h>
#include <stdio.h>

static int count(void *arg)
{
    rung_chan *numbers = arg;
    for (int number = 1; number <= 5; number++) {
        int error = rung_send(numbers, &number);
        if (error < 0)
            return error;
    }
    rung_chan_close(numbers); /* the sender closes: it knows that no more items come */
    return 0;
}

static int app(void *arg)
{
    rung_chan *numbers;
    int number, received, error = rung_chan_open(&numbers, sizeof number, 0);
    (void)arg;
    if (error < 0)
        return error;
    error = rung_go(count, numbers);
    if (error < 0)
        goto free_numbers;
    while ((received = rung_recv(numbers, &number)) == 1)
        printf("received %d\n", number);
    printf("closed: rung_recv gave back %d\n", received);
    error = received;
free_numbers:
    rung_chan_free(numbers); /* nobody uses it any more: count closed it last of all */
    return error;
}

int main(void)
{
    return rung_run(app, NULL) < 0;
}
