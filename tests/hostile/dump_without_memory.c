/* SPDX-License-Identifier: MIT */
/*
 * Not a byte of address space is left: a dump shows every goroutine all the same, twice, and so does a deadlock.
 *
 * test-traced: no
 */
#include "hostile.h"

enum { WAITERS = 2000 };

static rung_chan *gate;

static int waits(void *arg)
{
    (void)arg;
    return rung_recv(gate, NULL);
}

static void dump_shows_all(void)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    EXPECT(fd >= 0);
    limit(RLIMIT_AS, 0);
    EXPECT_EQ(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, 1);
    EXPECT_EQ(rung_dump(fd), 0);
    limit(RLIMIT_AS, RLIM_INFINITY);
    static char text[100000];
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    EXPECT(length > 0);
    text[length] = '\0';
    EXPECT_EQ(dump_count(text, "chan receive"), WAITERS);
    EXPECT(strstr(text, "waits+") != NULL);
    close(fd);
}

static int app(void *arg)
{
    gate = chan_open(0, 0);
    for (int i = 0; i < WAITERS; i++)
        go(waits, NULL);
    wait_parked("chan receive", WAITERS);
    dump_shows_all();
    dump_shows_all();
    rung_chan_close(gate);
    return arg != NULL;
}

static int waits_for_nobody(void *arg)
{
    (void)arg;
    gate = chan_open(0, 0);
    limit(RLIMIT_AS, 0);
    return rung_recv(gate, NULL);
}

static void deadlocks(void)
{
    run_on(1, waits_for_nobody, NULL);
}

int main(void)
{
    static char text[100000];
    int status = in_child(deadlocks, text, sizeof text);
    EXPECT(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 2);
    EXPECT(strstr(text, "deadlock!") != NULL);
    EXPECT_EQ(dump_count(text, "chan receive"), 1);
    EXPECT(strstr(text, "waits_for_nobody+") != NULL);
    run_on(2, app, NULL);
    return 0;
}
