/* SPDX-License-Identifier: MIT */
/*
 * Sixteen processors on however few CPUs there are: threads lose theirs at any place, holding whatever they hold.
 * Random goroutines use everything at once; what was sent is what was received. By RUNG_SEED.
 *
 * test-timeout: 120
 */
#include "hostile.h"
#include "workload.h"

enum { PROCS = 16, CHANS = 6, MIXERS = 48, STEPS = 2000, CHILDREN_MOST = 12 };

static rung_chan *chans[CHANS];
static rung_rwmutex rwmutex;
static rung_sema sema;
static long guarded; /* under rwmutex */
static atomic_long sent, received, written, started, ended;

static int child(void *arg)
{
    if ((uintptr_t)arg % 3 == 0)
        rung_yield();
    else if ((uintptr_t)arg % 3 == 1)
        (void)rung_sleep((int64_t)((uintptr_t)arg % 50000));
    atomic_fetch_add(&ended, 1);
    return 0;
}

static void storm(uint64_t *random)
{
    rung_group group;
    uint64_t count = 1 + test_random(random) % CHILDREN_MOST;
    rung_group_open(&group, RUNG_FOREVER);
    for (uint64_t i = 0; i < count; i++)
        group_go(&group, child, (void *)(uintptr_t)test_random(random));
    atomic_fetch_add(&started, (long)count);
    EXPECT_EQ(rung_group_wait(&group), 0);
}

/* Under a deadline that passes at any moment: the item went over, or it did not. */
static void send_or_receive(uint64_t *random)
{
    rung_scope scope;
    int item = 1;
    rung_chan *chan = chans[test_random(random) % CHANS];
    rung_scope_open(&scope, (int64_t)(test_random(random) % 200000));
    if (test_random(random) % 2 == 0)
        atomic_fetch_add(&sent, rung_send(chan, &item) == 0);
    else
        atomic_fetch_add(&received, rung_recv(chan, &item) == 1);
    (void)rung_scope_close(&scope);
}

static void select_some(uint64_t *random)
{
    int in, out = 1;
    rung_timer *timer;
    EXPECT_EQ(rung_timer_open(&timer, (int64_t)(test_random(random) % 100000), 0), 0);
    rung_case cases[] = {RUNG_CASE_SEND(chans[test_random(random) % CHANS], &out),
                         RUNG_CASE_RECV(chans[test_random(random) % CHANS], &in),
                         RUNG_CASE_RECV(rung_timer_chan(timer), NULL)};
    int chosen = rung_select(cases, 3);
    EXPECT(chosen >= 0);
    atomic_fetch_add(&sent, chosen == 0);
    atomic_fetch_add(&received, chosen == 1);
    rung_timer_close(timer);
}

static void lock_some(uint64_t *random)
{
    if (test_random(random) % 4 == 0) {
        rung_rwmutex_lock(&rwmutex);
        guarded++;
        rung_rwmutex_unlock(&rwmutex);
        atomic_fetch_add(&written, 1);
    } else {
        rung_rwmutex_read_lock(&rwmutex);
        long seen = guarded;
        if (test_random(random) % 8 == 0)
            rung_yield();
        EXPECT_EQ(guarded, seen);
        rung_rwmutex_read_unlock(&rwmutex);
    }
    EXPECT_EQ(rung_sema_acquire(&sema, 2), 0);
    rung_sema_release(&sema, 2);
}

static int mixes(void *arg)
{
    uint64_t random = test_seed() + (uintptr_t)arg;
    for (int i = 0; i < STEPS; i++)
        switch (test_random(&random) % 8) {
        case 0: storm(&random); break;
        case 1: case 2: send_or_receive(&random); break;
        case 3: case 4: select_some(&random); break;
        case 5: case 6: lock_some(&random); break;
        default: (void)rung_sleep((int64_t)(test_random(&random) % 20000));
        }
    return 0;
}

static void *mixes_on_a_thread(void *arg)
{
    mixes(arg);
    return NULL;
}

static int app(void *arg)
{
    rung_group group;
    sent = received = written = started = ended = 0;
    guarded = 0;
    for (size_t i = 0; i < CHANS; i++)
        chans[i] = chan_open(sizeof(int), i);
    rung_sema_release(&sema, 5);
    rung_group_open(&group, RUNG_FOREVER);
    for (size_t i = 0; i < MIXERS; i++)
        group_go(&group, mixes, (void *)i);
    pthread_t threads[] = {thread_start(mixes_on_a_thread, (void *)1000), thread_start(mixes_on_a_thread, (void *)1001)};
    work();
    EXPECT_EQ(rung_group_wait(&group), 0);
    thread_join(threads[0]);
    thread_join(threads[1]);
    long left = 0;
    for (int i = 0; i < CHANS; i++) {
        while (rung_try_recv(chans[i], NULL) == 1)
            left++;
        rung_chan_free(chans[i]);
    }
    EXPECT_EQ(sent, received + left);
    EXPECT_EQ(guarded, written);
    EXPECT_EQ(started, ended);
    EXPECT(rung_sema_try_acquire(&sema, 5));
    return arg != NULL;
}

int main(void)
{
    test_seed();
    for (int i = 0; i < rounds(5); i++)
        run_on(PROCS, app, NULL);
    return 0;
}
