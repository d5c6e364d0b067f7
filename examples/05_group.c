/* SPDX-License-Identifier: MIT */
/*
 * 05_group.c: goroutines that belong together, with errors and a deadline.
 *
 * A group waits for its goroutines and gives back the first error. That error cancels the rest:
 * what they are parked in gives back -ECANCELED. So does the deadline, with -ETIMEDOUT.
 */
#include <errno.h>
#include <rung.h>
#include <stdio.h>
#include <string.h>

static int fetch(void *arg)
{
    int page = *(int *)arg;
    if (page == 404)
        return -ENOENT;
    return rung_sleep(RUNG_MILLISECONDS(page)); /* page 20 takes 20 ms, and so on */
}

static int fetch_all(int *pages, int count, int64_t timeout_ns)
{
    rung_group group;
    int error = 0;
    rung_group_open(&group, timeout_ns);
    for (int i = 0; i < count && error == 0; i++)
        error = rung_group_go(&group, fetch, &pages[i]); /* -ECANCELED: the group has ended */
    int first = rung_group_wait(&group); /* after this no goroutine of the group is left */
    return first < 0 ? first : error;
}

static void show(const char *what, int error)
{
    printf("%-16s %s\n", what, error == 0 ? "all fetched" : strerror(-error));
}

static int app(void *arg)
{
    int quick[] = { 10, 20, 30 }, broken[] = { 60000, 404, 60000 }, slow[] = { 10, 60000 };
    (void)arg;
    show("quick pages:", fetch_all(quick, 3, RUNG_SECONDS(60)));
    show("a broken page:", fetch_all(broken, 3, RUNG_FOREVER));
    show("a slow page:", fetch_all(slow, 2, RUNG_MILLISECONDS(50)));
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) < 0;
}
