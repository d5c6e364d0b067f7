/* SPDX-License-Identifier: MIT */
/*
 * single.c: the same job on one goroutine, with the same parts: what the pipeline is measured by.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job.h"
#include "lexer.h"
#include "tree.h"

static void index_file(struct job *job, const char *path, char *bytes)
{
    struct lexer lexer;
    long length = BLOCK_BYTES;
    int file = tree_open(job, path);
    if (file < 0)
        return;
    lexer_start(&lexer);
    for (bool is_first = true; length == BLOCK_BYTES && rung_scope_error() == 0; is_first = false) {
        length = tree_fill(job, path, file, bytes, BLOCK_BYTES);
        if (length < 0)
            break;
        if (is_first && memchr(bytes, 0, (size_t)length) != NULL) {
            atomic_fetch_add_explicit(&job->binaries, 1, memory_order_relaxed);
            break;
        }
        job_note_block(job, (size_t)length, is_first);
        lexer_read(&lexer, &job->counts, bytes, (size_t)length);
    }
    lexer_finish(&lexer, &job->counts);
    close(file);
}

/* Nothing here parks, so it has to ask whether its scope has ended. */
static int index_tree(void *arg)
{
    struct job *job = arg;
    struct path *files = NULL, *directories = path_make(job->directory, "");
    char *bytes = job_memory(calloc(1, BLOCK_BYTES + WORD_SLACK));
    while (directories != NULL && rung_scope_error() == 0) {
        struct path *directory = directories;
        directories = directory->next;
        tree_list(job, directory->text, &files, &directories);
        free(directory);
        for (struct path *file = files; file != NULL && rung_scope_error() == 0; file = file->next)
            index_file(job, file->text, bytes);
        path_free_all(files);
        files = NULL;
    }
    path_free_all(directories);
    free(bytes);
    rung_chan_close(job->finished);
    return rung_scope_error();
}

int single_run(struct job *job)
{
    int error = job_start(job);
    if (error < 0)
        return job->error = error;
    const rung_go_options options = { .name = "single", .group = &job->group };
    error = rung_go_with(&options, index_tree, job);
    if (error < 0)
        job_fail(job, error);
    job_watch(job);
    return job_end(job);
}
