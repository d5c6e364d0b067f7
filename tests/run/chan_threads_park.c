/* SPDX-License-Identifier: MIT */
/* A plain thread parks in send and receive: a goroutine, or a close, wakes it. */
#include "common.h"

static rung_chan *request, *reply;

static void *echo(void *arg)
{
    (void)arg;
    int value;
    while (rung_recv(request, &value) == 1)
        send_int(reply, value + 1);
    EXPECT_EQ(rung_send(request, &value), -EPIPE);
    EXPECT_EQ(rung_send(reply, &value), -EPIPE); /* nobody receives: parks until the close */
    return NULL;
}

static int app(void *arg)
{
    (void)arg;
    request = chan_open(sizeof(int), 0);
    reply = chan_open(sizeof(int), 0);
    pthread_t thread = thread_start(echo, NULL);
    for (int i = 0; i < 3000; i++) {
        send_int(request, i);
        EXPECT_EQ(recv_int(reply), i + 1);
    }
    EXPECT_EQ(rung_sleep(MS(2)), 0);
    rung_chan_close(request);
    EXPECT_EQ(rung_sleep(MS(5)), 0);
    rung_chan_close(reply);
    thread_join(thread);
    rung_chan_free(request);
    rung_chan_free(reply);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(3, app, NULL);
    return 0;
}
