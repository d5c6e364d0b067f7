/* SPDX-License-Identifier: MIT */
/* own_net.h: for the rest of this process a net with nothing but loopback, and files of its own in places that all share. */
#ifndef OWN_NET_H
#define OWN_NET_H

#include "run/net.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Before the process has threads. */
static inline void own_net(void)
{
    struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
    const int wanted = CLONE_NEWNET | CLONE_NEWNS;
    if ((unshare(wanted) != 0 && unshare(wanted | CLONE_NEWUSER) != 0) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        SKIP("no net and no mounts of its own to be had here");
    int number = socket(AF_INET, SOCK_DGRAM, 0);
    EXPECT_EQ(ioctl(number, SIOCSIFFLAGS, &request), 0);
    close(number);
}

/* From now on this process finds that text in a file that is there for all. */
static inline void own_file(const char *path, const char *text)
{
    char name[] = "/tmp/rung-own-XXXXXX";
    int number = mkstemp(name);
    EXPECT_EQ(write(number, text, strlen(text)), (int)strlen(text));
    EXPECT_EQ(fchmod(number, 0644), 0);
    close(number);
    int error = mount(name, path, NULL, MS_BIND, NULL);
    unlink(name);
    if (error != 0)
        SKIP("a file that all share cannot be replaced for this process here");
}

#endif
