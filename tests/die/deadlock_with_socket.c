/* SPDX-License-Identifier: MIT */
/*
 * A socket that was waited for once, and is waited for no more, does not hide a deadlock.
 *
 * test-presets: release debug asan ubsan clang lto lto-clang
 * expect-status: 2
 * expect-stderr: all goroutines are asleep - deadlock!
 * expect-stderr: chan receive
 */
#include <rung_net.h>

static int app(void *arg)
{
    rung_fd pair[2];
    rung_chan *chan;
    rung_scope scope;
    char byte;
    (void)arg;
    if (rung_socket_pair(RUNG_STREAM, pair) < 0 || rung_chan_open(&chan, 0, 0) < 0)
        return 1;
    rung_scope_open(&scope, RUNG_MILLISECONDS(1));
    (void)rung_read(pair[0], &byte, 1);
    rung_scope_close(&scope);
    return rung_recv(chan, NULL);
}

int main(void)
{
    return rung_run(app, NULL);
}
