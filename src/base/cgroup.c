/* SPDX-License-Identifier: MIT */
/*
 * cgroup.c: both versions. In the file of membership a line is "number:controllers:/path", for version 2 "0::/path".
 *
 *   version 2   root/path/cpu.max                              "50000 100000", or "max 100000"
 *   version 1   root/cpu/path/cpu.cfs_quota_us, cfs_period_us  one number each, the quota below 0 for none
 *
 * A limit binds all groups below it, so each folder on the way up counts. In a container the path may name groups
 * outside of what it sees mounted: they are not there, and the way up ends at the root of what it sees.
 */
#include "base/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

enum { PATH_MOST = 1024, MEMBERSHIP_MOST = 8192 };

static int lower(int a, int b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static int rounded_up(long quota, long period)
{
    return quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}

static bool read_in(const char *folder, const char *name, char *text, size_t capacity)
{
    char path[PATH_MOST];
    return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path &&
           os_read_file(path, text, capacity) > 0;
}

static int folder_limit(const char *folder)
{
    char text[64];
    long quota = 0, period = 0;
    if (read_in(folder, "cpu.max", text, sizeof text))
        return sscanf(text, "%ld %ld", &quota, &period) == 2 ? rounded_up(quota, period) : 0;
    if (!read_in(folder, "cpu.cfs_quota_us", text, sizeof text))
        return 0;
    quota = strtol(text, NULL, 10);
    if (!read_in(folder, "cpu.cfs_period_us", text, sizeof text))
        return 0;
    return rounded_up(quota, strtol(text, NULL, 10));
}

/* From root/path up to root. Shortens path. */
static int limit_on_the_way_up(const char *root, char *path)
{
    char folder[PATH_MOST];
    int limit = 0;
    for (;;) {
        if (snprintf(folder, sizeof folder, "%s%s", root, path) < (int)sizeof folder)
            limit = lower(limit, folder_limit(folder));
        char *slash = strrchr(path, '/');
        if (slash == NULL)
            return limit;
        *slash = '\0';
    }
}

static bool has_controller(const char *controllers, const char *name)
{
    for (; *controllers != '\0'; controllers += *controllers == ',') {
        size_t length = strcspn(controllers, ",");
        if (length == strlen(name) && memcmp(controllers, name, length) == 0)
            return true;
        controllers += length;
    }
    return false;
}

/* One line of the membership, cut up. */
static int line_limit(const char *root, char *line)
{
    char root_of_cpu[PATH_MOST];
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL)
        return 0;
    *path++ = '\0';
    controllers++;
    if (*controllers == '\0')
        return limit_on_the_way_up(root, path);
    if (!has_controller(controllers, "cpu") ||
        snprintf(root_of_cpu, sizeof root_of_cpu, "%s/cpu", root) >= (int)sizeof root_of_cpu)
        return 0;
    return limit_on_the_way_up(root_of_cpu, path);
}

int cgroup_processors(const char *membership, const char *root)
{
    char text[MEMBERSHIP_MOST];
    int limit = 0;
    if (os_read_file(membership, text, sizeof text) <= 0)
        return 0;
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        limit = lower(limit, line_limit(root, line));
    }
    return limit;
}
