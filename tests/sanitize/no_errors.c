/* SPDX-License-Identifier: MIT */
/* A program without errors that uses most of rung on several threads, and ends twice: nothing to report.
 * test-environment: RUNG_PROCS=3
 * expect-status: 0
 * expect-stdout: ^clean$
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <string.h>

#include "planted.h"

enum { GOROUTINES = 1000, COPY = 4096 };

struct world {
    rung_chan *work, *results;
    rung_mutex mutex;
    rung_rwmutex rwmutex;
    rung_waitgroup done;
    rung_sema few;
    uint64_t total, table[16]; /* under mutex, under rwmutex */
};

static int worker(void *arg)
{
    struct world *world = arg;
    char frame[600];
    int item;
    while (rung_recv(world->work, &item) == 1) {
        memset(frame, item, sizeof frame);
        rung_mutex_lock(&world->mutex);
        world->total += (uint64_t)item;
        rung_mutex_unlock(&world->mutex);
        rung_rwmutex_read_lock(&world->rwmutex);
        uint64_t seen = world->table[item % 16];
        rung_rwmutex_read_unlock(&world->rwmutex);
        rung_rwmutex_lock(&world->rwmutex);
        world->table[item % 16] = seen + 1;
        rung_rwmutex_unlock(&world->rwmutex);
        EXPECT_EQ(frame[item % 600], (char)item);
        EXPECT_EQ(rung_send(world->results, &item), 0);
    }
    return 0;
}

/* Each has an argument as large as they come, laid where an earlier goroutine had its frames. */
static int copied(void *arg)
{
    const unsigned char *bytes = arg;
    struct world *world;
    int sum = 0;
    for (int i = (int)sizeof world; i < COPY; i++)
        sum += bytes[i];
    memcpy(&world, bytes, sizeof world);
    EXPECT_EQ(sum, COPY - (int)sizeof world);
    EXPECT_EQ(rung_sema_acquire(&world->few, 1), 0);
    rung_yield();
    rung_sema_release(&world->few, 1);
    EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(50)), 0);
    rung_waitgroup_done(&world->done);
    return 0;
}

static int deep(int depth)
{
    volatile char frame[200];
    frame[depth] = (char)depth;
    if (depth == 0)
        rung_yield();
    else
        EXPECT_EQ(deep(depth - 1), depth - 1);
    return frame[depth];
}

static int diver(void *arg)
{
    EXPECT_EQ(deep(arg == NULL ? 30 : 60), arg == NULL ? 30 : 60);
    return 0;
}

__attribute__((__noinline__))
static int jump_from(int depth, jmp_buf *back)
{
    volatile char frame[100];
    frame[depth] = (char)depth;
    if (depth == 0 && back != NULL)
        longjmp(*back, 1);
    return depth == 0 ? 0 : frame[depth] + jump_from(depth - 1, back);
}

__attribute__((__noinline__))
static int fill(int depth)
{
    volatile char frame[700];
    for (int i = 0; i < (int)sizeof frame; i++)
        frame[i] = (char)depth;
    return depth == 0 ? frame[0] : frame[1] - depth + fill(depth - 1);
}

/* Frames left by longjmp, then others in their place: the sanitizer must know on which stack that was. */
static int jumper(void *arg)
{
    jmp_buf back;
    (void)arg;
    rung_yield();
    if (setjmp(back) == 0)
        EXPECT_EQ(jump_from(20, &back), -1); /* not reached */
    EXPECT_EQ(fill(10), 0);
    return 0;
}

static int sleeps_forever(void *arg)
{
    (void)arg;
    EXPECT(rung_sleep(RUNG_FOREVER) < 0);
    return 0;
}

/* What the workers send back, with a ticker between; gives back how many results came. */
static int collect(struct world *world, int count)
{
    rung_timer *ticker = NULL;
    int results = 0, item, chosen;
    EXPECT_EQ(rung_timer_open(&ticker, RUNG_MILLISECONDS(1), RUNG_MILLISECONDS(1)), 0);
    while (results < count) {
        rung_case cases[] = { RUNG_CASE_RECV(world->results, &item), RUNG_CASE_RECV(rung_timer_chan(ticker), NULL),
                              RUNG_CASE_RECV(NULL, NULL) };
        chosen = rung_select(cases, 3);
        EXPECT(chosen == 0 || chosen == 1);
        results += chosen == 0;
    }
    rung_timer_close(ticker);
    return results;
}

static int produce(void *arg)
{
    struct world *world = arg;
    for (int i = 0; i < GOROUTINES; i++)
        EXPECT_EQ(rung_send(world->work, &i), 0);
    rung_chan_close(world->work);
    return 0;
}

static void *thread(void *arg)
{
    struct world *world = arg;
    for (int i = 0; i < 100; i++) {
        rung_mutex_lock(&world->mutex);
        world->total++;
        rung_mutex_unlock(&world->mutex);
    }
    return NULL;
}

static void many(struct world *world)
{
    unsigned char bytes[COPY];
    memset(bytes, 1, sizeof bytes);
    memcpy(bytes, &world, sizeof world);
    rung_waitgroup_add(&world->done, GOROUTINES);
    for (int i = 0; i < GOROUTINES; i++) {
        EXPECT_EQ(rung_go_copy(copied, bytes, sizeof bytes), 0);
        if (i % 4 == 0)
            EXPECT_EQ(rung_go(diver, i % 8 == 0 ? world : NULL), 0);
    }
    EXPECT_EQ(rung_go(jumper, NULL), 0);
    EXPECT_EQ(rung_waitgroup_wait(&world->done), 0);
}

static int app(void *arg)
{
    struct world *world = arg;
    pthread_t other;
    rung_group group, late;
    EXPECT_EQ(pthread_create(&other, NULL, thread, world), 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 8; i++)
        EXPECT_EQ(rung_group_go(&group, worker, world), 0);
    EXPECT_EQ(rung_group_go(&group, produce, world), 0);
    EXPECT_EQ(collect(world, GOROUTINES), GOROUTINES);
    EXPECT_EQ(rung_group_wait(&group), 0);
    many(world);
    rung_group_open(&late, RUNG_MILLISECONDS(20));
    for (int i = 0; i < 50; i++)
        if (rung_group_go(&late, sleeps_forever, NULL) != 0)
            break; /* the time may be over already */
    EXPECT_EQ(rung_group_wait(&late), -ETIMEDOUT);
    planted_switches();
    rung_blocking_begin();
    EXPECT_EQ(pthread_join(other, NULL), 0);
    rung_blocking_end();
    return 0;
}

int main(void)
{
    for (int i = 0; i < 2; i++) {
        struct world world = { .total = 0 };
        EXPECT_EQ(rung_chan_open(&world.work, sizeof(int), 4), 0);
        EXPECT_EQ(rung_chan_open(&world.results, sizeof(int), 0), 0);
        rung_sema_release(&world.few, 10);
        EXPECT_EQ(rung_run(app, &world), 0);
        EXPECT_EQ(world.total, (uint64_t)GOROUTINES * (GOROUTINES - 1) / 2 + 100);
        rung_chan_free(world.work);
        rung_chan_free(world.results);
    }
    puts("clean");
    return 0;
}
