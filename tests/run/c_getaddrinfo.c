/* SPDX-License-Identifier: MIT */
/* getaddrinfo of numeric names works on goroutine stacks, from many at a time. */
#include "common.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

static int resolves(void *arg)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    char host[32], service[16];
    int number = (int)(uintptr_t)arg;
    snprintf(host, sizeof host, "127.0.0.%d", number);
    snprintf(service, sizeof service, "%d", 8000 + number);
    for (int i = 0; i < 20; i++) {
        struct addrinfo *found = NULL;
        EXPECT_EQ(getaddrinfo(host, service, &hints, &found), 0);
        rung_yield();
        struct sockaddr_in *address = (struct sockaddr_in *)found->ai_addr;
        EXPECT_EQ(address->sin_family, AF_INET);
        EXPECT_EQ(ntohl(address->sin_addr.s_addr), 0x7f000000 + number);
        EXPECT_EQ(ntohs(address->sin_port), 8000 + number);
        freeaddrinfo(found);
    }
    struct addrinfo *found = NULL;
    EXPECT_EQ(getaddrinfo("no number", NULL, &hints, &found), EAI_NONAME);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (uintptr_t i = 1; i <= 20; i++)
        group_go(&group, resolves, (void *)i);
    return rung_group_wait(&group);
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(4, app, NULL);
    return 0;
}
