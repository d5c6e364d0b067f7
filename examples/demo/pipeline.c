/* SPDX-License-Identifier: MIT */
/*
 * pipeline.c: the job on goroutines.
 *
 *   walkers --files--> readers --blocks--> tokenizers --tables--> reducers --> finished
 *                         ^                     |
 *                         +-------- pool -------+
 *
 * Walkers list directories. One that finds more than it can do gives a subdirectory to a new walker,
 * as long as there are fewer than WALKERS. Readers fill blocks from the pool by plain read(2).
 * Tokenizers count words, each in tables of its own, and put the blocks back. At the end they send
 * each part of their tables to the reducer of that part, and the reducers merge them all at once.
 *
 * The last goroutine of a stage closes the channels to the next one; so the end of the tree runs
 * down the pipeline. Cancellation and the deadline reach everybody at once, by scope; tokenizers
 * and reducers shield their last step, so that what was counted until then is not lost.
 *
 * A block carries its file's lexer. While a file goes on, its reader reads the next block ahead and
 * then waits for the lexer to come back on its `lexers` channel. That channel and the pool always
 * have room, so tokenizers never wait for readers, and there is no circle to deadlock.
 */
#include <errno.h>
#include <rung_debug.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job.h"
#include "lexer.h"
#include "tree.h"

enum { WALKERS = 8, READERS = 8 };

struct block {
    struct lexer lexer;
    rung_chan *lexers; /* where the lexer goes next; NULL: it is the file's last block */
    size_t length;
    char bytes[BLOCK_BYTES + WORD_SLACK];
};

/* Goroutines that do the same; the last to leave closes the channels to the next stage. */
struct stage {
    atomic_int left;
    rung_chan **next;
    int next_count;
};

struct pipeline {
    struct job *job;
    struct stage walkers, readers, tokenizers, reducers;
    rung_sema may_walk;
    int tokenizer_count;
    struct block *blocks_memory;
    struct counts *counted;         /* one for each tokenizer */
    rung_chan *files;               /* of struct path * */
    rung_chan *pool;                /* of struct block *: free ones */
    rung_chan *blocks;              /* of struct block *: full ones */
    rung_chan *tables[TABLE_PARTS]; /* of struct table * */
    rung_chan *lexers[READERS];     /* of struct lexer; capacity 1 */
};

/* What a goroutine is started with; copied to its stack. */
struct start {
    struct pipeline *pipeline;
    struct path *directory; /* of a walker */
    int number;             /* of any other: which of its stage */
};

static void stage_leave(struct stage *stage)
{
    if (atomic_fetch_sub_explicit(&stage->left, 1, memory_order_acq_rel) == 1)
        for (int i = 0; i < stage->next_count; i++)
            rung_chan_close(stage->next[i]);
}

/* stage->left counts it already. */
static int stage_start(struct stage *stage, const char *name, rung_function *fn,
                       const struct start *start)
{
    struct job *job = start->pipeline->job;
    const rung_go_options options = {
        .name = name, .group = &job->group, .copy = start, .copy_size = sizeof *start
    };
    int error = rung_go_with(&options, fn, NULL);
    if (error < 0) {
        job_fail(job, error);
        stage_leave(stage);
    }
    return error;
}

/* ---- walkers ---------------------------------------------------------------------------- */

static int walk(void *arg);

static int send_files(struct pipeline *pipeline, struct path **files)
{
    int error = 0;
    while (*files != NULL && error == 0) {
        struct path *file = *files;
        struct path *next = file->next; /* once sent, it is the reader's */
        error = rung_send(pipeline->files, &file);
        if (error == 0)
            *files = next;
    }
    return error;
}

static void share_directories(struct pipeline *pipeline, struct path **directories)
{
    while (*directories != NULL && (*directories)->next != NULL &&
           rung_sema_try_acquire(&pipeline->may_walk, 1)) {
        struct start start = { pipeline, *directories, 0 };
        *directories = start.directory->next;
        start.directory->next = NULL;
        atomic_fetch_add_explicit(&pipeline->walkers.left, 1, memory_order_relaxed);
        if (stage_start(&pipeline->walkers, "walker", walk, &start) < 0)
            free(start.directory);
    }
}

static int walk(void *arg)
{
    struct start *start = arg;
    struct pipeline *pipeline = start->pipeline;
    struct path *files = NULL, *directories = start->directory;
    int error = 0;
    while (directories != NULL && error == 0) {
        struct path *directory = directories;
        directories = directory->next;
        tree_list(pipeline->job, directory->text, &files, &directories);
        free(directory);
        share_directories(pipeline, &directories);
        error = send_files(pipeline, &files);
        error = error < 0 ? error : rung_scope_error();
    }
    path_free_all(files);
    path_free_all(directories);
    rung_sema_release(&pipeline->may_walk, 1);
    stage_leave(&pipeline->walkers);
    return error;
}

/* ---- readers ---------------------------------------------------------------------------- */

/* Takes a block and fills it. 1; 0 when there is nothing to read any more; or -errno, by scope. */
static int read_block(struct pipeline *pipeline, const char *path, int file, bool is_first,
                      struct block **filled)
{
    struct block *block;
    int error = rung_recv(pipeline->pool, &block);
    if (error < 0)
        return error;
    long length = tree_fill(pipeline->job, path, file, block->bytes, BLOCK_BYTES);
    bool is_binary = is_first && length > 0 && memchr(block->bytes, 0, (size_t)length) != NULL;
    if (is_binary)
        atomic_fetch_add_explicit(&pipeline->job->binaries, 1, memory_order_relaxed);
    else if (length >= 0)
        job_note_block(pipeline->job, (size_t)length, is_first);
    if (length >= 0 && !is_binary) {
        block->length = (size_t)length;
        *filled = block;
        return 1;
    }
    error = rung_send(pipeline->pool, &block);
    return error < 0 ? error : 0;
}

/* The lexer comes back from the block before this one, which was sent meanwhile. */
static int send_block(struct pipeline *pipeline, rung_chan *lexers, struct block *block,
                      bool is_first)
{
    if (pipeline->job->is_warming)
        return rung_send(pipeline->pool, &block);
    if (is_first)
        lexer_start(&block->lexer);
    else {
        int error = rung_recv(lexers, &block->lexer);
        if (error < 0)
            return error;
    }
    block->lexers = block->length < BLOCK_BYTES ? NULL : lexers;
    return rung_send(pipeline->blocks, &block);
}

static int read_file(struct pipeline *pipeline, rung_chan *lexers, const char *path)
{
    struct block *block;
    int error = 0, file = tree_open(pipeline->job, path);
    if (file < 0)
        return 0;
    for (bool is_first = true, goes_on = true; goes_on; is_first = false) {
        error = read_block(pipeline, path, file, is_first, &block);
        if (error <= 0)
            break;
        goes_on = block->length == BLOCK_BYTES;
        error = send_block(pipeline, lexers, block, is_first);
        if (error < 0)
            break;
    }
    close(file);
    return error;
}

static int read_files(void *arg)
{
    struct start *start = arg;
    struct pipeline *pipeline = start->pipeline;
    rung_chan *lexers = pipeline->lexers[start->number];
    struct path *file;
    int error = 0;
    while (error == 0 && (error = rung_recv(pipeline->files, &file)) == 1) {
        error = read_file(pipeline, lexers, file->text);
        free(file);
    }
    stage_leave(&pipeline->readers);
    return error;
}

/* ---- tokenizers and reducers ------------------------------------------------------------ */

static void send_tables(struct pipeline *pipeline, struct counts *counts)
{
    rung_scope shield;
    rung_shield_open(&shield, RUNG_FOREVER); /* there is room for all: this never parks */
    for (int part = 0; part < TABLE_PARTS; part++) {
        struct table *table = &counts->parts[part];
        rung_send(pipeline->tables[part], &table);
    }
    rung_scope_close(&shield);
}

static int tokenize(void *arg)
{
    struct start *start = arg;
    struct pipeline *pipeline = start->pipeline;
    struct counts *counts = &pipeline->counted[start->number];
    struct block *block;
    int error = 0;
    while (error == 0 && (error = rung_recv(pipeline->blocks, &block)) == 1) {
        lexer_read(&block->lexer, counts, block->bytes, block->length);
        if (block->lexers == NULL)
            lexer_finish(&block->lexer, counts);
        error = block->lexers == NULL ? 0 : rung_send(block->lexers, &block->lexer);
        error = error < 0 ? error : rung_send(pipeline->pool, &block);
    }
    send_tables(pipeline, counts);
    stage_leave(&pipeline->tokenizers);
    return error;
}

static int reduce(void *arg)
{
    struct start *start = arg;
    struct pipeline *pipeline = start->pipeline;
    struct table *table;
    rung_scope shield;
    rung_shield_open(&shield, RUNG_FOREVER); /* the tokenizers end, so this does */
    while (rung_recv(pipeline->tables[start->number], &table) == 1)
        table_merge(&pipeline->job->counts.parts[start->number], table);
    rung_scope_close(&shield);
    stage_leave(&pipeline->reducers);
    return 0;
}

/* ---- the whole -------------------------------------------------------------------------- */

/* `tables` has room for everybody, for a reducer that could not be started takes nothing. */
static int open_channels(struct pipeline *pipeline, size_t block_count)
{
    int error = rung_chan_open(&pipeline->files, sizeof(struct path *), 256);
    if (error == 0)
        error = rung_chan_open(&pipeline->pool, sizeof(struct block *), block_count);
    if (error == 0)
        error = rung_chan_open(&pipeline->blocks, sizeof(struct block *), block_count);
    for (int i = 0; i < TABLE_PARTS && error == 0; i++)
        error = rung_chan_open(&pipeline->tables[i], sizeof(struct table *),
                               (size_t)pipeline->tokenizer_count);
    for (int i = 0; i < READERS && error == 0; i++)
        error = rung_chan_open(&pipeline->lexers[i], sizeof(struct lexer), 1);
    return error;
}

static int pipeline_open(struct pipeline *pipeline, struct job *job)
{
    rung_statistics statistics;
    rung_statistics_read(&statistics);
    int tokenizers = statistics.processors > 0 ? (int)statistics.processors : 1;
    size_t block_count = 2 * ((size_t)tokenizers + READERS);
    *pipeline = (struct pipeline){
        .job = job,
        .walkers = { 1, &pipeline->files, 1 }, /* the first one; share_directories adds more */
        .readers = { READERS, &pipeline->blocks, 1 },
        .tokenizers = { tokenizers, pipeline->tables, TABLE_PARTS },
        .reducers = { TABLE_PARTS, &job->finished, 1 },
        .tokenizer_count = tokenizers,
        .blocks_memory = job_memory(calloc(block_count, sizeof(struct block))),
        .counted = job_memory(calloc((size_t)tokenizers, sizeof(struct counts))),
    };
    rung_sema_release(&pipeline->may_walk, WALKERS - 1);
    int error = open_channels(pipeline, block_count);
    for (size_t i = 0; i < block_count && error == 0; i++) {
        struct block *block = &pipeline->blocks_memory[i];
        error = rung_send(pipeline->pool, &block);
    }
    return error;
}

static void pipeline_start(struct pipeline *pipeline)
{
    struct start start = { pipeline, path_make(pipeline->job->directory, ""), 0 };
    if (stage_start(&pipeline->walkers, "walker", walk, &start) < 0)
        free(start.directory);
    for (start.number = 0; start.number < READERS; start.number++)
        stage_start(&pipeline->readers, "reader", read_files, &start);
    for (start.number = 0; start.number < pipeline->tokenizer_count; start.number++)
        stage_start(&pipeline->tokenizers, "tokenizer", tokenize, &start);
    for (start.number = 0; start.number < TABLE_PARTS; start.number++)
        stage_start(&pipeline->reducers, "reducer", reduce, &start);
}

/* After all goroutines have ended. Paths are left in `files` if the job was stopped. */
static void pipeline_close(struct pipeline *pipeline)
{
    struct path *file;
    while (pipeline->files != NULL && rung_try_recv(pipeline->files, &file) == 1)
        free(file);
    for (int i = 0; i < pipeline->tokenizer_count; i++)
        counts_free(&pipeline->counted[i]);
    for (int i = 0; i < READERS; i++)
        rung_chan_free(pipeline->lexers[i]);
    for (int i = 0; i < TABLE_PARTS; i++)
        rung_chan_free(pipeline->tables[i]);
    rung_chan_free(pipeline->blocks);
    rung_chan_free(pipeline->pool);
    rung_chan_free(pipeline->files);
    free(pipeline->counted);
    free(pipeline->blocks_memory);
}

int pipeline_run(struct job *job)
{
    static struct pipeline pipeline;
    int error = job_start(job);
    if (error < 0)
        return job->error = error;
    error = pipeline_open(&pipeline, job);
    if (error == 0) {
        pipeline_start(&pipeline);
        job_watch(job);
    } else
        job_fail(job, error);
    error = job_end(job);
    pipeline_close(&pipeline);
    return error;
}
