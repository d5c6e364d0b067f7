/* SPDX-License-Identifier: MIT */
/* An event that is delivered after a read said EAGAIN, and before its goroutine parks, is not forgotten. */
#include "../test.h"
#include "net/fd.h"

/* What fd_do does, step by step: between the system call and the wait the peer sends, and the event is delivered. */
static int app(void *arg)
{
    rung_fd pair[2];
    struct descriptor *d = NULL;
    char byte;
    (void)arg;
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pair), 0);
    EXPECT_EQ(rung_write(pair[1], "x", 1), 1);
    EXPECT_EQ(rung_fd_wait(pair[0], RUNG_READ), RUNG_READ);
    EXPECT_EQ(rung_read(pair[0], &byte, 1), 1);
    while (d == NULL || !atomic_load_relaxed(&d->is_registered)) { /* not, where the deadline came before the wait */
        rung_scope scope;
        rung_scope_open(&scope, RUNG_MILLISECONDS(1));
        EXPECT_EQ(rung_read(pair[0], &byte, 1), -ETIMEDOUT);
        rung_scope_close(&scope);
        d = netpoll_find(pair[0]);
    }

    struct m *m = enter();
    EXPECT_EQ(fd_begin(&m, pair[0], POLL_READ, &d), 0);
    atomic_store_relaxed(&d->half[POLL_READ].is_ready, false);
    EXPECT_EQ(os_receive(d->number, &byte, 1), -EAGAIN);
    leave_m(m);
    EXPECT_EQ(rung_write(pair[1], "y", 1), 1);
    while (!atomic_load_acquire(&d->half[POLL_READ].is_ready)) /* acquire: pairs with deliver_one */
        EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(100)), 0);
    m = enter();
    EXPECT_EQ(netpoll_wait(m, d, POLL_READ), 0);
    m = machine_m();
    EXPECT_EQ(os_receive(d->number, &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    EXPECT_EQ(fd_end(m, d, POLL_READ, 7), 7);
    EXPECT_EQ(rung_close(pair[0]), 0);
    return rung_close(pair[1]);
}

int main(void)
{
    for (int procs = 1; procs <= 2; procs++) {
        setenv("RUNG_PROCS", procs == 1 ? "1" : "2", 1);
        EXPECT_EQ(rung_run(app, NULL), 0);
    }
    return 0;
}
