/* SPDX-License-Identifier: MIT */
/*
 * Two addresses of one name are raced as RFC 8305 says, in a net of its own with a hosts file of its own: an IPv6 one that
 * never answers costs 250 ms, one that refuses nothing, and one that answers is taken.
 */
#include "own_net.h"

#define STAGGER_NS MS(250)

static const char port[] = "7"; /* free, in there */

static int family_of(const rung_address *address)
{
    sa_family_t family;
    memcpy(&family, address->storage, sizeof family); /* the first member of each */
    return family;
}

static rung_fd listen_to(const char *host, int backlog)
{
    char text[64];
    const rung_socket_options options = { .backlog = backlog };
    snprintf(text, sizeof text, "%s:%s", host, port);
    rung_fd listener = rung_listen(text, &options);
    EXPECT(listener >= 0);
    return listener;
}

/* Dials, and gives back how long that took. *family becomes that of the address that answered, *fd the result. */
static int64_t dial(rung_fd *fd, int *family)
{
    char text[64];
    rung_address peer;
    snprintf(text, sizeof text, "raced.example:%s", port);
    int64_t begin = rung_now();
    *fd = rung_dial(text, NULL);
    int64_t took = rung_now() - begin;
    if (*fd >= 0) {
        EXPECT_EQ(rung_peer_address(*fd, &peer), 0);
        *family = family_of(&peer);
    }
    return took;
}

/* A busy machine may keep the first from its answer for so long that the second is tried, and faster. */
static void expect_family(int expected, int64_t least_ns)
{
    rung_fd fd;
    int family = 0;
    do {
        int64_t took = dial(&fd, &family);
        EXPECT(fd >= 0);
        EXPECT(took >= least_ns);
        EXPECT_EQ(rung_close(fd), 0);
    } while (family != expected);
}

/* One that refuses has failed at once, and the next does not wait for its 250 ms: the best of some tries shows it. */
static void refused_is_passed_over(void)
{
    int64_t best = INT64_MAX;
    while (best >= STAGGER_NS) {
        rung_fd fd;
        int family = 0;
        int64_t took = dial(&fd, &family);
        EXPECT(fd >= 0);
        EXPECT_EQ(family, AF_INET);
        EXPECT_EQ(rung_close(fd), 0);
        best = took < best ? took : best;
    }
}

static int app(void *arg)
{
    rung_fd fd;
    int before = open_sockets(), family;
    (void)arg;
    (void)dial(&fd, &family);
    EXPECT_EQ(fd, -ECONNREFUSED);
    rung_fd listener = listen_to("127.0.0.1", 0);
    refused_is_passed_over();
    rung_fd silent = listen_to("[::1]", 1);
    expect_family(AF_INET6, 0);
    fill_queue("[::1]:7");
    expect_family(AF_INET, STAGGER_NS);
    EXPECT_EQ(rung_close(listener), 0);
    rung_scope scope;
    rung_scope_open(&scope, STAGGER_NS * 2); /* the refusal of the second does not end the first */
    (void)dial(&fd, &family);
    EXPECT_EQ(fd, -ETIMEDOUT);
    rung_scope_close(&scope);
    EXPECT_EQ(rung_close(silent), 0);
    wait_for_sockets(before);
    return 0;
}

int main(void)
{
    rung_address addresses[4];
    own_net();
    own_file("/etc/hosts", "::1 raced.example\n127.0.0.1 raced.example\n");
    rung_fd listener = rung_listen("[::1]:7", NULL);
    if (listener < 0)
        SKIP("no IPv6 here");
    EXPECT_EQ(rung_close(listener), 0);
    if (rung_resolve("raced.example:7", addresses, 4) != 2 || family_of(&addresses[0]) != AF_INET6)
        SKIP("names are not looked up in /etc/hosts, or IPv6 does not come first");
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
