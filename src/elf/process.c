/* SPDX-License-Identifier: MIT */
/*
 * process.c: what a running process has mapped as code. A file that is not there for us is opened through
 * /proc/PID/root: the process may live in a container.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf/file.h"

enum { VDSO_MOST = 1 << 20 };
#define DELETED " (deleted)" /* how the kernel marks its path */

struct mapping {
    uint64_t start, end;
    char permissions[8];
    char path[PATH_MAX];
};

static bool read_mapping(FILE *file, struct mapping *mapping)
{
    char line[PATH_MAX + 256];
    unsigned long long start, end;
    int at = 0;
    if (fgets(line, sizeof line, file) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    mapping->path[0] = '\0';
    if (sscanf(line, "%llx-%llx %7s %*s %*s %*s %n", &start, &end, mapping->permissions, &at) < 3)
        mapping->permissions[0] = '\0';
    else
        snprintf(mapping->path, sizeof mapping->path, "%s", line + at);
    mapping->start = start;
    mapping->end = end;
    return true;
}

static FILE *open_maps(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    return fopen(path, "re");
}

static bool is_code_of_file(const struct mapping *mapping)
{
    return strchr(mapping->permissions, 'x') != NULL && mapping->path[0] == '/';
}

/* The path to open: as it is, if that is the same file for the process and for us; a file deleted since, as mapped. */
static void path_for_us(int pid, const struct mapping *mapping, char *ours, size_t size)
{
    const char *path = mapping->path;
    size_t length = strlen(path), suffix = strlen(DELETED);
    if (length > suffix && strcmp(path + length - suffix, DELETED) == 0) {
        snprintf(ours, size, "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)mapping->start,
                 (unsigned long long)mapping->end);
        return;
    }
    snprintf(ours, size, "/proc/%d/root%s", pid, path);
    if (access(ours, R_OK) != 0 || access(path, R_OK) == 0)
        snprintf(ours, size, "%s", path);
}

int elf_process_files(int pid, char ***paths, char error[ELF_ERROR_MAX])
{
    struct mapping mapping;
    FILE *file = open_maps(pid);
    if (file == NULL) {
        int code = errno == ENOENT ? ESRCH : errno;
        snprintf(error, ELF_ERROR_MAX, "process %d: %s", pid, code == ESRCH ? "there is none" : strerror(code));
        return -code;
    }
    char **found = NULL, last[PATH_MAX] = "";
    size_t count = 0;
    while (read_mapping(file, &mapping)) {
        char ours[PATH_MAX + 32];
        if (!is_code_of_file(&mapping) || strcmp(mapping.path, last) == 0)
            continue;
        snprintf(last, sizeof last, "%s", mapping.path);
        path_for_us(pid, &mapping, ours, sizeof ours);
        char **larger = realloc(found, (count + 1) * sizeof *larger);
        if (larger == NULL || (larger[count] = strdup(ours)) == NULL) {
            if (larger != NULL)
                found = larger;
            while (count > 0)
                free(found[--count]);
            free(found);
            fclose(file);
            snprintf(error, ELF_ERROR_MAX, "process %d: no memory", pid);
            return -ENOMEM;
        }
        found = larger;
        count++;
    }
    fclose(file);
    if (count == 0) { /* a kernel thread, or gone while it was read */
        snprintf(error, ELF_ERROR_MAX, "process %d: has no code of files, or has ended", pid);
        free(found);
        return -ESRCH;
    }
    *paths = found;
    return count;
}

void *elf_process_vdso(int pid, size_t *size)
{
    struct mapping mapping;
    char path[64];
    FILE *file = open_maps(pid);
    bool is_found = false;
    while (file != NULL && !is_found && read_mapping(file, &mapping))
        is_found = strcmp(mapping.path, "[vdso]") == 0;
    if (file != NULL)
        fclose(file);
    if (!is_found || mapping.end <= mapping.start || mapping.end - mapping.start > VDSO_MOST)
        return NULL;
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    *size = mapping.end - mapping.start;
    void *bytes = malloc(*size);
    if (bytes != NULL && pread(fd, bytes, *size, mapping.start) != (ssize_t)*size) {
        free(bytes);
        bytes = NULL;
    }
    close(fd);
    return bytes;
}
