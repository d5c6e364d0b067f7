/* SPDX-License-Identifier: MIT */
/*
 * A name's look-up that was given up does not keep rung_run from ending, though getaddrinfo goes on for 30 s; its late answer is
 * dropped. Those who ask the same meanwhile share one question. Who asks in a shield as rung_run ends gets an answer all the same;
 * a plain thread outside of it gives up, too. The name server is a silent one, of this test, in a net of
 * its own.
 */
#include "own_net.h"

#include <netinet/in.h>

enum { ASKERS = 20, MOST_QUERIES = 64 };

static int server;
static atomic_int queries;
static atomic_bool answers;

/* Says that there is no such name, to all who have asked; before `answers` it only counts. */
static void *serve(void *arg)
{
    static struct {
        unsigned char bytes[512];
        ssize_t length;
        struct sockaddr_in from;
    } query[MOST_QUERIES];
    int unanswered = 0;
    (void)arg;
    for (;;) {
        socklen_t length = sizeof query->from;
        int at = unanswered;
        EXPECT(at < MOST_QUERIES);
        query[at].length = recvfrom(server, query[at].bytes, sizeof query->bytes, 0, (struct sockaddr *)&query[at].from, &length);
        if (query[at].length >= 12) {
            unanswered++;
            queries++;
        }
        for (; answers && unanswered > 0; unanswered--) {
            unsigned char *bytes = query[unanswered - 1].bytes;
            bytes[2] |= 0x80; /* an answer */
            bytes[3] = 0x83;  /* recursion is available; no such name */
            sendto(server, bytes, (size_t)query[unanswered - 1].length, 0, (struct sockaddr *)&query[unanswered - 1].from, length);
        }
    }
    return NULL;
}

static int resolve_within(int64_t timeout_ns)
{
    rung_address address;
    rung_scope scope;
    rung_scope_open(&scope, timeout_ns);
    int result = rung_resolve("slow.example:80", &address, 1);
    rung_scope_close(&scope);
    return result;
}

static int ask(void *arg)
{
    (void)arg;
    EXPECT_EQ(resolve_within(MS(200)), -ETIMEDOUT);
    return 0;
}

/* Nobody gets an answer; the one question is asked for both families. */
static int give_up(void *arg)
{
    rung_group group;
    (void)arg;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < ASKERS; i++)
        group_go(&group, ask, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(resolve_within(MS(1)), -ETIMEDOUT); /* it is still being asked */
    while (queries == 0)
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT(queries <= 2);
    return 0;
}

static int get_answer(void *arg)
{
    (void)arg;
    EXPECT_EQ(resolve_within(RUNG_FOREVER), -ENOENT);
    return 0;
}

static int ask_in_shield(void *arg)
{
    rung_address address;
    rung_scope shield;
    (void)arg;
    rung_shield_open(&shield, RUNG_FOREVER);
    EXPECT_EQ(rung_resolve("slow.example:80", &address, 1), -ENOENT);
    return rung_scope_close(&shield);
}

static int end_meanwhile(void *arg)
{
    (void)arg;
    go(ask_in_shield, NULL);
    while (queries == 0)
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    answers = true;
    return 0;
}

int main(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    own_net();
    own_file("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n");
    own_file("/etc/nsswitch.conf", "hosts: dns\n");
    server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(server, (struct sockaddr *)&at, sizeof at), 0);
    thread_start(serve, NULL);
    int before = open_sockets();
    for (int procs = 1; procs <= 2; procs++) {
        queries = 0;
        run_on(procs, give_up, NULL);
        EXPECT(open_sockets() > before); /* getaddrinfo goes on */
        answers = true;
        /* The server, which has to be woken to see it, is asked anew. */
        run_on(procs, get_answer, NULL);
        while (open_sockets() > before)
            usleep(1000);
        answers = false;
        queries = 0;
        run_on(procs, end_meanwhile, NULL);
        while (open_sockets() > before)
            usleep(1000);
        answers = false;
    }
    EXPECT_EQ(resolve_within(MS(200)), -ETIMEDOUT);
    return 0;
}
