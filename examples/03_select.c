/* SPDX-License-Identifier: MIT */
/*
 * 03_select.c: wait for whichever comes first.
 *
 * rung_select does exactly one of its cases: it parks until one is ready and gives back its index.
 * Two goroutines send words; a timer, set anew after each word, says when nothing came for long.
 */
#include <rung.h>
#include <stdio.h>

#define SILENCE_NS RUNG_MILLISECONDS(300)
enum { LEFT, RIGHT };

static int say_three(void *arg)
{
    int error = 0;
    for (int i = 0; i < 3 && error == 0; i++)
        error = rung_send(arg, "word");
    return error;
}

static int hear(rung_chan **sides, rung_timer *silence)
{
    int chosen, heard[2] = { 0, 0 };
    for (;;) {
        rung_case cases[] = { RUNG_CASE_RECV(sides[LEFT], NULL), RUNG_CASE_RECV(sides[RIGHT], NULL),
                              RUNG_CASE_RECV(rung_timer_chan(silence), NULL) };
        chosen = rung_select(cases, 3);
        if (chosen != LEFT && chosen != RIGHT)
            break; /* silence, or an error */
        heard[chosen]++;
        rung_timer_reset(silence, SILENCE_NS, 0);
    }
    printf("left: %d words, right: %d, then silence\n", heard[LEFT], heard[RIGHT]);
    return chosen < 0 ? chosen : 0;
}

static int app(void *arg)
{
    rung_chan **sides = arg;
    rung_timer *silence = NULL;
    int error = rung_timer_open(&silence, SILENCE_NS, 0);
    for (int i = 0; i < 2 && error == 0; i++)
        error = rung_go(say_three, sides[i]);
    error = error < 0 ? error : hear(sides, silence);
    rung_timer_close(silence);
    return error;
}

int main(void)
{
    rung_chan *sides[2] = { NULL, NULL };
    int error = rung_chan_open(&sides[LEFT], sizeof "word", 0);
    error = error < 0 ? error : rung_chan_open(&sides[RIGHT], sizeof "word", 0);
    error = error < 0 ? error : rung_run(app, sides);
    rung_chan_free(sides[LEFT]);
    rung_chan_free(sides[RIGHT]);
    return error < 0;
}
