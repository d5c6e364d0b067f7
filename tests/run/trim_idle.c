/* SPDX-License-Identifier: MIT */
/*
 * A program in which everything sleeps does not wake: not for timers that are far, nor again and again for stacks to
 * trim. Its threads' voluntary switches stay what they are.
 *
 * test-environment: RUNG_TRIM=100
 * test-presets: release debug
 * test-traced: no
 */
#include "common.h"

#include <dirent.h>

enum { QUIET_MS = 1500 };

static rung_chan *chan;

static long switches_of(const char *tid)
{
    char path[64], line[128];
    long switches = 0;
    snprintf(path, sizeof path, "/proc/self/task/%.16s/status", tid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        sscanf(line, "voluntary_ctxt_switches: %ld", &switches);
    fclose(file);
    return switches;
}

/* Of all threads but the caller. */
static long switches_of_others(void)
{
    DIR *tasks = opendir("/proc/self/task");
    EXPECT(tasks != NULL);
    long sum = 0;
    struct dirent *entry;
    while ((entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != (int)syscall(SYS_gettid))
            sum += switches_of(entry->d_name);
    closedir(tasks);
    return sum;
}

/* A busy machine may take long until all is quiet, so several spans are tried; a program that wakes is quiet in none. */
static void *watch(void *arg)
{
    (void)arg;
    long before, after = switches_of_others();
    do {
        before = after;
        usleep(QUIET_MS * 1000);
        after = switches_of_others();
    } while (after != before);
    rung_chan_close(chan);
    return NULL;
}

static int sleeper(void *arg)
{
    (void)arg;
    int item = 0;
    EXPECT_EQ(rung_recv(chan, &item), 0);
    return 0;
}

static int body(void *arg)
{
    (void)arg;
    chan = chan_open(sizeof(int), 0);
    for (int i = 0; i < 100; i++)
        go(sleeper, NULL);
    pthread_t thread = thread_start(watch, NULL);
    rung_scope scope;
    rung_scope_open(&scope, RUNG_SECONDS(3600)); /* a timer that is far */
    int item = 0;
    EXPECT_EQ(rung_recv(chan, &item), 0);
    rung_scope_close(&scope);
    thread_join(thread);
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    run_on(1, body, NULL);
    run_on(4, body, NULL);
    return 0;
}
