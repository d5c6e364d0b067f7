/* SPDX-License-Identifier: MIT */
/* Limits of processor time: versions 1 and 2, in any group on the way up, containers, and files full of nonsense. */
#include "run/common.h"

#include <sys/stat.h>

#include "base/cgroup.h"

static char root[] = "/tmp/rung-cgroup-XXXXXX";

/* Writes a file below the root, with its folders. */
static void put(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        EXPECT(mkdir(path, 0700) == 0 || errno == EEXIST);
    }
    FILE *file = fopen(path, "w");
    EXPECT(file != NULL);
    fputs(text, file);
    EXPECT_EQ(fclose(file), 0);
}

static void begin(void)
{
    strcpy(root + strlen(root) - 6, "XXXXXX");
    EXPECT(mkdtemp(root) != NULL);
}

static void end(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", root);
    EXPECT_EQ(system(command), 0);
}

static int limit_of(const char *membership)
{
    char path[512];
    put("membership", membership);
    snprintf(path, sizeof path, "%s/membership", root);
    return cgroup_processors(path, root);
}

static void version_2(void)
{
    begin();
    put("a/b/cpu.max", "150000 100000\n");
    put("a/cpu.max", "max 100000\n");
    put("a/c/cpu.max", "max 100000\n");
    put("d/cpu.max", "300000 100000\n");
    put("d/e/cpu.max", "800000 100000\n");
    put("d/f/cpu.max", "1000 100000\n");
    put("d/g/h/cpu.stat", "no limit here\n");
    EXPECT_EQ(limit_of("0::/a/b\n"), 2);
    EXPECT_EQ(limit_of("0::/a/b"), 2);
    EXPECT_EQ(limit_of("0::/a/c\n"), 0);
    EXPECT_EQ(limit_of("0::/d/e\n"), 3); /* that of the group above */
    EXPECT_EQ(limit_of("0::/d/f\n"), 1);
    EXPECT_EQ(limit_of("0::/d/g/h\n"), 3);
    EXPECT_EQ(limit_of("0::/\n"), 0);
    put("cpu.max", "400000 100000\n"); /* the root of what a container sees has a limit */
    EXPECT_EQ(limit_of("0::/\n"), 4);
    EXPECT_EQ(limit_of("0::/not/seen/here\n"), 4);
    EXPECT_EQ(limit_of("0::/../outside\n"), 4);
    end();
}

static void version_1(void)
{
    begin();
    put("cpu/cpu.cfs_quota_us", "-1\n");
    put("cpu/cpu.cfs_period_us", "100000\n");
    put("cpu/a/cpu.cfs_quota_us", "250000\n");
    put("cpu/a/cpu.cfs_period_us", "100000\n");
    put("cpuset/b/cpu.cfs_quota_us", "1\n");
    put("cpuset/b/cpu.cfs_period_us", "1\n");
    EXPECT_EQ(limit_of("3:cpuset:/b\n2:cpu,cpuacct:/a\n0::/\n"), 3);
    EXPECT_EQ(limit_of("12:cpuacct,cpu:/a/below\n1:name=systemd:/x\n"), 3);
    EXPECT_EQ(limit_of("1:cpu:/\n"), 0);
    EXPECT_EQ(limit_of("3:cpuset:/b\n1:cpuacct:/a\n"), 0);
    EXPECT_EQ(limit_of("1:cpu:/docker/0123456789\n"), 0);
    end();
}

static void nonsense(void)
{
    static char lines[20000];
    begin();
    put("a/cpu.max", "lots\n");
    put("b/cpu.max", "");
    put("c/cpu.max", "100000 0\n");
    put("d/cpu.max", "0 100000\n");
    put("e/cpu.max", "100000\n");
    put("cpu/a/cpu.cfs_quota_us", "lots\n");
    EXPECT_EQ(limit_of("0::/a\n"), 0);
    EXPECT_EQ(limit_of("0::/b\n"), 0);
    EXPECT_EQ(limit_of("0::/c\n"), 0);
    EXPECT_EQ(limit_of("0::/d\n"), 0);
    EXPECT_EQ(limit_of("0::/e\n"), 0);
    EXPECT_EQ(limit_of("1:cpu:/a\n"), 0);
    EXPECT_EQ(limit_of(""), 0);
    EXPECT_EQ(limit_of("\n\n::\n:\n0:\n0::\n"), 0);
    memset(lines, 'x', sizeof lines - 1);
    EXPECT_EQ(limit_of(lines), 0);
    memcpy(lines, "0::/", 4);
    EXPECT_EQ(limit_of(lines), 0);
    EXPECT_EQ(cgroup_processors("/nowhere/at/all", root), 0);
    end();
}

int main(void)
{
    version_2();
    version_1();
    nonsense();
    return 0;
}
