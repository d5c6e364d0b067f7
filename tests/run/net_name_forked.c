/* SPDX-License-Identifier: MIT */
/* The answer to a name's question comes, though a child that was forked meanwhile has all descriptors open, and goes on. */
#include "net.h"

#include <netdb.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static atomic_bool has_forked;

/* The library's own calls come to here. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
    (void)host, (void)port, (void)hints, (void)found;
    while (!has_forked)
        usleep(1000);
    return EAI_NONAME;
}

static int ask(void *arg)
{
    rung_address address;
    (void)arg;
    return rung_resolve("some.example:80", &address, 1);
}

static int app(void *arg)
{
    rung_group group;
    (void)arg;
    int before = open_sockets();
    has_forked = false;
    rung_group_open(&group, RUNG_SECONDS(30));
    group_go(&group, ask, NULL);
    while (open_sockets() < before + 2) /* it is being asked */
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
    }
    has_forked = true;
    EXPECT_EQ(rung_group_wait(&group), -ENOENT);
    EXPECT_EQ(kill(child, SIGKILL), 0);
    EXPECT_EQ(waitpid(child, NULL, 0), child);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
