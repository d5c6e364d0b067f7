/* SPDX-License-Identifier: MIT */
/*
 * Plain blocking read(2) on pipes, unannotated, on one processor: the others go on, or nobody would
 * ever write. With the annotation the same.
 */
#include "common.h"

enum { READERS = 12 };

static int ends[READERS][2];
static int is_annotated;

static int reads(void *arg)
{
    char byte = 0;
    int *pipe_ends = arg;
    if (is_annotated)
        rung_blocking_begin();
    ssize_t count = read(pipe_ends[0], &byte, 1);
    if (is_annotated)
        rung_blocking_end();
    EXPECT_EQ(count, 1);
    EXPECT_EQ(byte, 'x');
    EXPECT_EQ(rung_sleep(1000), 0); /* it is a goroutine like any other again */
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    for (is_annotated = 0; is_annotated < 2; is_annotated++) {
        rung_group_open(&group, RUNG_FOREVER);
        for (int i = 0; i < READERS; i++) {
            EXPECT_EQ(pipe(ends[i]), 0);
            group_go(&group, reads, ends[i]);
        }
        for (int i = 0; i < 10; i++) { /* all readers get to block */
            rung_yield();
            EXPECT_EQ(rung_sleep(MS(1)), 0);
        }
        for (int i = READERS - 1; i >= 0; i--) {
            EXPECT_EQ(write(ends[i][1], "x", 1), 1);
            rung_yield();
        }
        EXPECT_EQ(rung_group_wait(&group), 0);
        for (int i = 0; i < READERS; i++) {
            close(ends[i][0]);
            close(ends[i][1]);
        }
    }
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(3, app, NULL);
    return 0;
}
