/* SPDX-License-Identifier: MIT */
/* A cgroup whose quota is one processor: rung_run starts one, also for a process in a group below it. */
#include "hostile.h"

#include <sys/stat.h>

static char group[256], below[300];

static int write_to(const char *folder, const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY);
    int result = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return result;
}

static int looks(void *arg)
{
    rung_statistics statistics;
    rung_statistics_read(&statistics);
    EXPECT_EQ(statistics.processors, 1);
    return arg != NULL;
}

static void remove_groups(void)
{
    rmdir(below);
    rmdir(group);
}

/* Makes two groups, one in the other, and limits the outer. */
static int make_groups(const char *root)
{
    snprintf(group, sizeof group, "%s/rung-test-%d", root, getpid());
    snprintf(below, sizeof below, "%s/below", group);
    if (mkdir(group, 0755) != 0 || mkdir(below, 0755) != 0)
        return 0;
    return write_to(group, "cpu.max", "60000 100000") ||
           (write_to(group, "cpu.cfs_period_us", "100000") && write_to(group, "cpu.cfs_quota_us", "60000"));
}

static void runs_below(void)
{
    if (!write_to(below, "cgroup.procs", "0"))
        _exit(77);
    EXPECT_EQ(rung_run(looks, NULL), 0);
}

static void runs_in(void)
{
    if (!write_to(group, "cgroup.procs", "0"))
        _exit(77);
    EXPECT_EQ(rung_run(looks, NULL), 0);
}

int main(void)
{
    static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu"};
    unsetenv("RUNG_PROCS");
    for (size_t i = 0; i < LENGTH(roots); i++) {
        if (!make_groups(roots[i])) {
            remove_groups();
            continue;
        }
        int first = in_child(runs_below, NULL, 0), second = in_child(runs_in, NULL, 0);
        remove_groups();
        if (WEXITSTATUS(first) == 77)
            SKIP("no process may be moved into a cgroup here");
        EXPECT_EQ(first, 0);
        EXPECT_EQ(second, 0);
        return 0;
    }
    SKIP("this user may make no cgroup with a quota, or its kernel has none");
}
