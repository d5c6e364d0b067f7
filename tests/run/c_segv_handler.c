/* SPDX-License-Identifier: MIT */
/*
 * A program's own SIGSEGV handler, set before rung_run, still gets the faults that are no stack overflow; and a trace, which
 * is saved at the first since the program might die of it, goes on.
 */
#include "common.h"

#include <signal.h>
#include <sys/wait.h>

static char *page;
static atomic_int faults;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    if ((char *)info->si_addr < page || (char *)info->si_addr >= page + 4096)
        _exit(1);
    atomic_fetch_add(&faults, 1);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static int touches(void *arg)
{
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(mprotect(page, 4096, PROT_NONE), 0);
        *(volatile char *)&page[100] = (char)i;
        rung_yield();
        EXPECT_EQ(page[100], i);
    }
    return arg != NULL;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, touches, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    return touches(NULL);
}

/* In a process of its own: only the first fault of each is told of. */
static void run_traced(void)
{
    int status;
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        setenv("RUNG_TRACE", "/dev/null", 1);
        run_on(2, app, NULL);
        exit(faults != 20);
    }
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

int main(void)
{
    if (IS_VALGRIND)
        SKIP("Valgrind tells of each fault");
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(page != MAP_FAILED);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    EXPECT_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    run_traced();
    run_on(2, app, NULL);
    EXPECT_EQ(faults, 20);
    return 0;
}
