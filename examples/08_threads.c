/* SPDX-License-Identifier: MIT */
/*
 * 08_threads.c: a plain thread talks to goroutines.
 *
 * Channels, locks and wait groups are open to any thread. One that is no goroutine sleeps in the
 * kernel where a goroutine would park. Here a pthread asks and a goroutine answers.
 */
#include <pthread.h>
#include <rung.h>
#include <stdio.h>

struct talk {
    rung_chan *questions; /* of int */
    rung_chan *answers;   /* of int */
};

static void *ask(void *arg)
{
    struct talk *talk = arg;
    for (int question = 1; question <= 3; question++) {
        int answer;
        if (rung_send(talk->questions, &question) < 0 || rung_recv(talk->answers, &answer) != 1)
            break;
        printf("thread: %d squared is %d (goroutine %d)\n", question, answer, (int)rung_id());
    }
    rung_chan_close(talk->questions);
    return NULL;
}

static int answer_all(void *arg)
{
    struct talk *talk = arg;
    int question, received, error = 0;
    while (error == 0 && (received = rung_recv(talk->questions, &question)) != 0) {
        int square = question * question;
        error = received < 0 ? received : rung_send(talk->answers, &square);
    }
    printf("goroutine %d: no more questions\n", (int)rung_id());
    rung_chan_close(talk->answers);
    return error;
}

int main(void)
{
    struct talk talk;
    pthread_t thread;
    if (rung_chan_open(&talk.questions, sizeof(int), 0) < 0 ||
        rung_chan_open(&talk.answers, sizeof(int), 0) < 0 ||
        pthread_create(&thread, NULL, ask, &talk) != 0)
        return 1;
    int error = rung_run(answer_all, &talk);
    pthread_join(thread, NULL);
    rung_chan_free(talk.answers);
    rung_chan_free(talk.questions);
    return error < 0;
}
