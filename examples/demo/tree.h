/* SPDX-License-Identifier: MIT */
/*
 * tree.h: directories and files, by plain blocking calls that know nothing of rung.
 */
#ifndef DEMO_TREE_H
#define DEMO_TREE_H

#include "job.h"

/* A path that waits to be visited. The one who takes it from its list or channel frees it. */
struct path {
    struct path *next;
    char text[];
};

struct path *path_make(const char *directory, const char *name);
void path_free_all(struct path *list);

/*
 * Lists a directory's files and subdirectories, in front of *files and *directories. Symbolic
 * links are not followed: no loops. What cannot be read is noted in the job.
 */
void tree_list(struct job *job, const char *directory, struct path **files,
               struct path **directories);

/* Opens a file to read; -1 if that fails, which is noted. */
int tree_open(struct job *job, const char *path);

/* Fills the block; less than `capacity` bytes at the file's end only. -1 on error, which is noted. */
long tree_fill(struct job *job, const char *path, int file, char *bytes, size_t capacity);

#endif
