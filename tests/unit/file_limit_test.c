/* SPDX-License-Identifier: MIT */
/*
 * No more threads block in files at a time than rung_file_limit allows: 64 at first, as many as a user says from then on;
 * the goroutines beyond it park. Blocking is fsync's, which the test's fault keeps waiting.
 *
 * test-presets: debug
 */
#include "../run/common.h"
#include "base/os_fault.h"
#include "net/fd.h"

enum { LIMIT_FIRST = 64 };

static rung_fd file;
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate = PTHREAD_COND_INITIALIZER;
static int inside, most, passes; /* under gate_lock: who waits in fsync, the most ever, how many more may pass */

static int wait_in_sync(enum os_call call, size_t *count)
{
    (void)count;
    if (call != OS_SYNC)
        return 0;
    pthread_mutex_lock(&gate_lock);
    most = ++inside > most ? inside : most;
    while (passes == 0)
        pthread_cond_wait(&gate, &gate_lock);
    passes--;
    inside--;
    pthread_mutex_unlock(&gate_lock);
    return 0;
}

static int count_inside(void)
{
    pthread_mutex_lock(&gate_lock);
    int count = inside;
    pthread_mutex_unlock(&gate_lock);
    return count;
}

static void let_pass(int count)
{
    pthread_mutex_lock(&gate_lock);
    passes += count;
    pthread_cond_broadcast(&gate);
    pthread_mutex_unlock(&gate_lock);
}

/* Until so many block in fsync, and all the others have parked. */
static void wait_for(int blocked, int parked)
{
    while (count_inside() != blocked)
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    wait_parked("sync", parked);
    EXPECT_EQ(count_inside(), blocked);
}

static int sync_file(void *arg)
{
    (void)arg;
    return rung_file_sync(file);
}

/* So many goroutines sync; where the limit is raised by 3 on the way, three more get in. */
static void sync_by(int callers, int limit, bool is_raised)
{
    rung_group group;
    rung_statistics statistics;
    most = 0;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < callers; i++)
        group_go(&group, sync_file, NULL);
    wait_for(limit, callers - limit);
    if (is_raised) {
        EXPECT_EQ(rung_file_limit(limit + 3), limit);
        limit += 3;
        wait_for(limit, callers - limit);
    }
    rung_statistics_read(&statistics);
    EXPECT(statistics.threads >= (uint32_t)limit);
    EXPECT(statistics.threads <= LIMIT_FIRST + 3 + statistics.processors + 4); /* and some that idle */
    let_pass(callers);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(most, limit);
}

static int app(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_file_limit(0), LIMIT_FIRST);
    sync_by(100, LIMIT_FIRST, true);
    EXPECT_EQ(rung_file_limit(5), LIMIT_FIRST + 3);
    sync_by(100, 5, true);
    EXPECT_EQ(rung_file_limit(1), 8);
    sync_by(4, 1, false);
    EXPECT_EQ(rung_file_limit(LIMIT_FIRST), 1);
    return 0;
}

#ifdef RUNG_ASSERT
int main(void)
{
    char path[] = "/tmp/rung-limit-XXXXXX";
    int number = mkstemp(path);
    EXPECT(number >= 0 && unlink(path) == 0);
    file = rung_fd_adopt(number);
    EXPECT(file >= 0);
    os_fault = wait_in_sync;
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
#else
int main(void)
{
    (void)app;
    (void)wait_in_sync;
    SKIP("this build cannot be made to fail");
}
#endif
