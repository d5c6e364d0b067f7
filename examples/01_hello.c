/* SPDX-License-Identifier: MIT */
/*
 * 01_hello.c: what a goroutine is.
 *
 * rung_run starts the runtime and runs `app` as goroutine 1. rung_go starts one more, which runs
 * beside it. When app has returned, rung_run waits for the others and is back.
 */
#include <rung.h>
#include <stdio.h>
#include <string.h>

static int greet(void *arg)
{
    printf("hello from another goroutine, %s\n", (const char *)arg);
    return 0; /* what a goroutine of rung_go gives back is dropped */
}

static int app(void *arg)
{
    static char name[] = "world";
    (void)arg;
    printf("hello from goroutine %d\n", (int)rung_id());
    return rung_go(greet, name); /* 0, or a negative errno value */
}

int main(void)
{
    int error = rung_run(app, NULL); /* what app gave back, if it could run at all */
    if (error < 0) {
        fprintf(stderr, "01_hello: %s\n", strerror(-error));
        return 1;
    }
    printf("rung_run is back: every goroutine has ended\n");
    return 0;
}
