/* SPDX-License-Identifier: MIT */
/* A dial that is not answered obeys its scope, and one that is refused or unreachable says so; nothing stays open. */
#include "net.h"

static rung_fd dial_within(const char *address, int64_t timeout_ns)
{
    rung_scope scope;
    rung_scope_open(&scope, timeout_ns);
    rung_fd fd = rung_dial(address, NULL);
    rung_scope_close(&scope);
    return fd;
}

static int cancel_soon(void *scope)
{
    EXPECT_EQ(rung_sleep(MS(10)), 0);
    rung_scope_cancel(scope);
    return 0;
}

/* A listener that accepts nothing and whose queue is full leaves a dial without an answer. */
static void unanswered(bool is_unix)
{
    char text[RUNG_ADDRESS_TEXT];
    rung_socket_options options = { .backlog = 1 };
    rung_scope scope;
    snprintf(text, sizeof text, "unix:@rung dial %d", getpid());
    rung_fd listener = rung_listen(is_unix ? text : "127.0.0.1:0", &options);
    rung_address bound;
    EXPECT_EQ(rung_local_address(listener, &bound), 0);
    EXPECT(rung_address_format(&bound, text, sizeof text) > 0);
    fill_queue(text);
    EXPECT_EQ(dial_within(text, MS(100)), -ETIMEDOUT);
    rung_scope_open(&scope, RUNG_FOREVER);
    go(cancel_soon, &scope);
    EXPECT_EQ(rung_dial(text, NULL), -ECANCELED);
    rung_scope_close(&scope);
    EXPECT_EQ(rung_close(listener), 0);
}

static int app(void *arg)
{
    (void)arg;
    int before = open_sockets();
    unanswered(false);
    unanswered(true);
    EXPECT_EQ(dial_within("127.0.0.1:1", RUNG_FOREVER), -ECONNREFUSED);
    EXPECT_EQ(dial_within("unix:/nonexistent", RUNG_FOREVER), -ENOENT);
    EXPECT_EQ(dial_within("255.255.255.255:1", RUNG_FOREVER) < 0, 1);
    wait_for_sockets(before);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
