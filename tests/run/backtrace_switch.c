/* SPDX-License-Identifier: MIT */
/* rung_backtrace_context at every instruction of a switch between goroutines, up and down the stacks, to a root. */
/* test-presets: release debug ubsan clang lto lto-clang */
/* test-labels: slow */
#include "common.h"

#include <signal.h>
#include <ucontext.h>

#if defined(__x86_64__)

/*
 * The trap flag is the thread's, so that it stays set from one goroutine to the next; the handler runs after each
 * instruction. One processor, so that both are on this thread; the turns of the global queue go by way of g0.
 */
enum { ROUNDS = 100, FEWEST = 10 * ROUNDS /* of the switch's instructions */, FLAG = 0x100 };

static volatile sig_atomic_t is_stepping;
static volatile long steps, in_switch, lost;
static char example[64];
static rung_chan *there, *back;

/* A return address, a leaf, or where a goroutine that has not run yet is about to begin. */
static int is_root(uintptr_t pc)
{
    return is_in(pc - 1, "rung_goroutine_start") || is_in(pc, "rung_goroutine_start") || is_in(pc - 1, "rung_g0_root");
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    uintptr_t pcs[128];
    size_t count = rung_backtrace_context(context, pcs, LENGTH(pcs));
    steps++;
    in_switch += is_in(pcs[0], "rung_switch");
    if (!is_root(pcs[count - 1]) && lost++ == 0)
        (void)rung_symbol(pcs[0], example, sizeof example);
    /* Where a processor was lost a thread may be started, with all signals blocked: a trap would end the process. */
    if (!is_stepping || is_in(pcs[0], "enter_slow"))
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~FLAG;
}

static void step(void)
{
    is_stepping = 1;
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
}

static int echo(void *arg)
{
    int item;
    while (rung_recv(there, &item) == 1) {
        EXPECT_EQ(rung_send(back, &item), 0);
        rung_yield();
    }
    return arg != NULL;
}

static int ask(void *arg)
{
    for (int i = 0, item; i < ROUNDS || in_switch <= FEWEST; i++) {
        step(); /* anew: the processor may have gone to another thread, which is not stepped, as steps are slow */
        rung_yield();
        EXPECT_EQ(rung_send(there, &i), 0);
        EXPECT_EQ(rung_recv(back, &item), 1);
        EXPECT_EQ(item, i);
    }
    is_stepping = 0;
    rung_chan_close(there);
    return arg != NULL;
}

static int app(void *arg)
{
    rung_group group;
    there = chan_open(sizeof(int), 0);
    back = chan_open(sizeof(int), 0);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, echo, NULL);
    group_go(&group, ask, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    rung_chan_free(there);
    rung_chan_free(back);
    return arg != NULL;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
    EXPECT_EQ(sigaction(SIGTRAP, &action, NULL), 0);
    run_on(1, app, NULL);
    if (lost > 0)
        fprintf(stderr, "%ld of %ld do not reach a root, the first at %s\n", lost, steps, example);
    EXPECT_EQ(lost, 0);
    return 0;
}

#else

int main(void)
{
    SKIP("a process cannot step itself on this CPU");
}

#endif
