/* SPDX-License-Identifier: MIT */
/*
 * A connection comes while no processor is free, as hogs that never call rung hold them all. It is accepted within 1 ms of
 * one that lets go of its own: the median of some tries, and again for as long as the machine has other things to do.
 *
 * test-presets: release debug
 * test-serial: yes
 */
#include "net.h"

enum { TRIES = 41 };

static rung_address address;
static int procs;
static atomic_int hogging;
static atomic_bool is_let_go, is_accepted;
static _Atomic int64_t freed_at, accepted_at;
static int64_t took[TRIES], median;

/* The first to see that it may go is who frees a processor; another goes on for as long as it takes. */
static int hog(void *arg)
{
    (void)arg;
    hogging++;
    while (!is_let_go)
        continue;
    int64_t none = 0, now = rung_now();
    if (!atomic_compare_exchange_strong(&freed_at, &none, now))
        while (!is_accepted)
            continue;
    return 0;
}

static int accept_all(void *arg)
{
    rung_fd fd;
    while ((fd = rung_accept(*(rung_fd *)arg, NULL)) >= 0) {
        accepted_at = rung_now();
        is_accepted = true;
        EXPECT_EQ(rung_close(fd), 0);
    }
    return fd == -EBADF ? 0 : (int)fd;
}

/* No thread of rung's, and without a call of it: a plain thread that calls one changes how it works on one processor. */
static void *connect_now(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)arg;
    while (hogging < procs)
        usleep(100);
    EXPECT_EQ(connect(fd, (struct sockaddr *)address.storage, address.length), 0);
    usleep(1000);
    is_let_go = true;
    while (!is_accepted)
        usleep(100);
    close(fd);
    return NULL;
}

static int64_t try_once(void)
{
    rung_group group;
    hogging = 0;
    is_let_go = is_accepted = false;
    freed_at = accepted_at = 0;
    pthread_t thread = thread_start(connect_now, NULL);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < procs; i++)
        group_go(&group, hog, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    thread_join(thread);
    EXPECT(is_accepted);
    return accepted_at - freed_at; /* negative: a processor was taken from a hog */
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int app(void *arg)
{
    rung_group group;
    char text[RUNG_ADDRESS_TEXT];
    (void)arg;
    rung_fd listener = listen_somewhere(text);
    EXPECT_EQ(rung_local_address(listener, &address), 0);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, accept_all, &listener);
    for (int i = 0; i < TRIES; i++)
        took[i] = try_once();
    EXPECT_EQ(rung_close(listener), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    qsort(took, TRIES, sizeof took[0], compare);
    median = took[TRIES / 2];
    printf("on %d: accepted %.3f ms after one was free\n", procs, (double)median / 1e6);
    return 0;
}

int main(void)
{
    for (procs = 1; procs <= 2; procs++) {
        median = INT64_MAX;
        while (median >= MS(1))
            run_on(procs, app, NULL);
    }
    return 0;
}
