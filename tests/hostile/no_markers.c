/* SPDX-License-Identifier: MIT */
/*
 * No guard markers, since the kernel knows none, refuses them or says so wrongly, or RUNG_GUARD=mprotect: a stack
 * overflow is still reported by name.
 */
#include "hostile.h"

static const char *guard;

static int recurses_for_ever(volatile int *depth)
{
    volatile int here = *depth + 1;
    return here < 0 ? 0 : recurses_for_ever(&here) + *depth;
}

static int overflows(void *arg)
{
    volatile int depth = 0;
    (void)arg;
    return recurses_for_ever(&depth);
}

static int app(void *arg)
{
    rung_go_options options = {.name = "deep one"};
    rung_statistics statistics;
    rung_statistics_read(&statistics);
    if (strcmp(statistics.guard, guard) != 0) {
        fprintf(stderr, "guard: %s\n", statistics.guard);
        _exit(1);
    }
    EXPECT_EQ(rung_go_with(&options, overflows, arg), 0);
    return rung_sleep(RUNG_SECONDS(1000));
}

static void runs(void)
{
    (void)rung_run(app, NULL);
}

static void is_told(void)
{
    setenv("RUNG_GUARD", "mprotect", 1);
    runs();
}

/* EINVAL: older than Linux 6.13. ENOMEM: locked memory. */
static void is_refused(int error)
{
    refuse(__NR_madvise, 2, MADV_GUARD_INSTALL, error);
    runs();
}

static void is_unknown(void)
{
    is_refused(EINVAL);
}

static void is_out_of_memory(void)
{
    is_refused(ENOMEM);
}

/* qemu-user's answer, as that of sandboxes: 0, and nothing done. */
static void is_ignored(void)
{
    is_refused(0);
}

static void reports_overflow(const char *expected, void (*fn)(void))
{
    char text[16384];
    guard = expected;
    int status = in_child(fn, text, sizeof text);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        SKIP("this kernel takes no seccomp filter");
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV || strstr(text, "stack overflow") == NULL ||
        strstr(text, "deep one") == NULL || strstr(text, "recurses_for_ever") == NULL)
        test_fail(__FILE__, __LINE__, "wait status %#x, and: %.300s", (unsigned)status, text);
}

int main(void)
{
    unsetenv("RUNG_GUARD");
    reports_overflow("mprotect", is_told);
    reports_overflow("mprotect", is_unknown);
    reports_overflow("mprotect", is_out_of_memory);
    reports_overflow("mprotect", is_ignored);
    return 0;
}
