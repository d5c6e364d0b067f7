/* SPDX-License-Identifier: MIT */
/* rung_backtrace_context from a profiling signal: each sample in a goroutine's computation goes up to its function. */
#include "common.h"

#include <signal.h>
#include <sys/time.h>

static atomic_int samples, complete;
static atomic_int is_over;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    uintptr_t pcs[128];
    int saved = errno;
    size_t count = rung_backtrace_context(context, pcs, LENGTH(pcs));
    int is_spin = 0, is_root = 0;
    for (size_t i = 0; i < count; i++) {
        is_spin |= is_in(pcs[i] - (i > 0), "spin");
        is_root |= is_in(pcs[i] - (i > 0), "spinning_goroutine");
    }
    if (is_spin) {
        atomic_fetch_add(&samples, 1);
        atomic_fetch_add(&complete, is_root);
    }
    errno = saved;
}

static __attribute__((noinline)) void spin(void)
{
    for (volatile unsigned i = 0; i < 20000; i++)
        continue;
}

static int spinning_goroutine(void *arg)
{
    while (!atomic_load(&is_over)) {
        spin();
        rung_yield();
    }
    return arg != NULL;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 3; i++)
        group_go(&group, spinning_goroutine, NULL);
    while (atomic_load(&samples) < test_scaled(100))
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    atomic_store(&is_over, 1);
    return rung_group_wait(&group);
}

int main(void)
{
    if (IS_TSAN)
        SKIP("the thread sanitizer holds signals back");
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_RESTART | SA_SIGINFO};
    EXPECT_EQ(sigaction(SIGPROF, &action, NULL), 0);
    struct itimerval fast = {{0, 1000}, {0, 1000}};
    EXPECT_EQ(setitimer(ITIMER_PROF, &fast, NULL), 0);
    run_on(2, app, NULL);
    printf("%d of %d samples reach the goroutine's function\n", complete, samples);
    EXPECT_EQ(complete, samples);
    return 0;
}
