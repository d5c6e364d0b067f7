/* SPDX-License-Identifier: MIT */
/*
 * tree.c: opendir, readdir, stat, open and read(2). Each of them may sleep in the kernel; the
 * goroutine that calls it does not care, and the others go on.
 */
#define _GNU_SOURCE 1
#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <rung_errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct path *path_make(const char *directory, const char *name)
{
    size_t directory_length = strlen(directory), name_length = strlen(name);
    bool has_slash = directory_length > 0 && directory[directory_length - 1] == '/';
    struct path *path =
        job_memory(malloc(sizeof *path + directory_length + !has_slash + name_length + 1));
    path->next = NULL;
    memcpy(path->text, directory, directory_length);
    path->text[directory_length] = '/';
    memcpy(path->text + directory_length + !has_slash, name, name_length + 1);
    return path;
}

void path_free_all(struct path *list)
{
    while (list != NULL) {
        struct path *next = list->next;
        free(list);
        list = next;
    }
}

static mode_t type_of(DIR *stream, const struct dirent *entry)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN)
        return DTTOIF(entry->d_type);
    if (fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return status.st_mode & S_IFMT;
}

void tree_list(struct job *job, const char *directory, struct path **files,
               struct path **directories)
{
    DIR *stream = opendir(directory);
    if (stream == NULL) {
        job_note_failure(job, directory, errno);
        return;
    }
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (entry == NULL)
            break;
        mode_t type = type_of(stream, entry);
        struct path **list = type == S_IFDIR ? directories : files;
        if ((type != S_IFREG && type != S_IFDIR) || strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0)
            continue;
        struct path *path = path_make(directory, entry->d_name);
        path->next = *list;
        *list = path;
    }
    if (errno != 0)
        job_note_failure(job, directory, errno);
    closedir(stream);
}

int tree_open(struct job *job, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    if (file < 0)
        job_note_failure(job, path, errno);
    return file;
}

long tree_fill(struct job *job, const char *path, int file, char *bytes, size_t capacity)
{
    size_t length = 0;
    while (length < capacity) {
        ssize_t count = read(file, bytes + length, capacity - length);
        if (count == 0)
            break;
        if (count > 0)
            length += (size_t)count;
        else if (errno != EINTR) {
            job_note_failure(job, path, errno);
            return -1;
        }
    }
    return (long)length;
}
