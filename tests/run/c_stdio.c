/* SPDX-License-Identifier: MIT */
/* Goroutines print to one FILE: every line comes out whole, and as many as were printed. */
#include "common.h"

enum { GOROUTINES = 10, LINES = 500 };

static FILE *file;

static int prints(void *arg)
{
    int me = (int)(uintptr_t)arg;
    for (int i = 0; i < LINES; i++) {
        EXPECT(fprintf(file, "goroutine %d line %d %g\n", me, i, i / 4.0) > 0);
        if (i % 10 == me)
            rung_yield();
        if (i % 100 == me)
            fflush(file);
    }
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    int next[GOROUTINES] = {0}, me, line;
    double quarter;
    file = tmpfile();
    EXPECT(file != NULL);
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 0; i < GOROUTINES; i++)
        group_go(&group, prints, (void *)i);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rewind(file);
    for (int i = 0; i < GOROUTINES * LINES; i++) {
        EXPECT_EQ(fscanf(file, "goroutine %d line %d %lf\n", &me, &line, &quarter), 3);
        EXPECT(me >= 0 && me < GOROUTINES);
        EXPECT_EQ(line, next[me]++);
        EXPECT_EQ(quarter * 4, line);
    }
    EXPECT_EQ(fgetc(file), EOF);
    fclose(file);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
