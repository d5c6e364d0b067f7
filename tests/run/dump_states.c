/* SPDX-License-Identifier: MIT */
/* A dump read from a pipe shows every goroutine with its number, state, wait reason, name and functions. */
#include "blocking_calls.h"

static struct things things;
static int ends[2];
static char text[1 << 20];
static _Atomic uint64_t parked_id;

static int parked_function(void *call)
{
    atomic_store(&parked_id, rung_id());
    EXPECT_EQ(((const struct blocking_call *)call)->call(&things), -ECANCELED);
    return 0;
}

static void *reads_pipe(void *arg)
{
    size_t length = 0;
    for (ssize_t count; (count = read(ends[0], text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)count;
    text[length] = '\0';
    return arg;
}

static int app(void *arg)
{
    for (size_t i = 0; i < LENGTH(blocking_calls); i++) {
        rung_go_options options = {.name = "waits here"};
        char number[40];
        things_open(&things);
        if (i == 0)
            options.name = NULL;
        rung_group group;
        rung_group_open(&group, RUNG_FOREVER);
        options.group = &group;
        EXPECT_EQ(rung_go_with(&options, parked_function, (void *)&blocking_calls[i]), 0);
        wait_parked(blocking_calls[i].reason, 1);

        EXPECT_EQ(pipe(ends), 0);
        pthread_t reader = thread_start(reads_pipe, arg);
        EXPECT_EQ(rung_dump(ends[1]), 0);
        close(ends[1]);
        thread_join(reader);
        close(ends[0]);
        snprintf(number, sizeof number, "goroutine %" PRIu64 " ", parked_id);
        if (strstr(text, "goroutine 1") == NULL || strstr(text, number) == NULL ||
            strstr(text, "parked_function") == NULL || strstr(text, "app") == NULL ||
            (i > 0 && strstr(text, "waits here") == NULL)) {
            fputs(text, stderr);
            test_fail(__FILE__, __LINE__, "%s: %s is not shown rightly", blocking_calls[i].name, number);
        }
        rung_group_cancel(&group);
        EXPECT_EQ(rung_group_wait(&group), -ECANCELED);
        things_close(&things);
    }
    return 0;
}

int main(void)
{
    run_on(2, app, NULL);
    return 0;
}
