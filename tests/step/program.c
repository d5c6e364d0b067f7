/* SPDX-License-Identifier: MIT */
/*
 * program.c: what stepper.c steps through: every path through the machine layer, on one processor.
 *
 * Its signal handler is on the alternate stack: the stepper delivers the signals at instructions of its choice, without
 * the kernel's queue. SIGUSR1 does nothing; SIGUSR2 walks the interrupted stack, as a dump does, for the stepper to compare.
 */
#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "rung.h"
#include "rung_debug.h"
#include "machine/arch.h"
#include "sched/sched.h"

/* Where the stepper finds what it checks; read out of this process, in this order. */
extern const uint64_t step_layout[];
const uint64_t step_layout[] __attribute__((used)) = {
    offsetof(struct m, g0.low),     offsetof(struct m, g0.high),
    offsetof(struct m, signal.low), offsetof(struct m, signal.high),
    offsetof(struct m, departed),
    offsetof(struct g, stack_low),  offsetof(struct g, stack_high),
    offsetof(struct g, status),     G_RUNNING,
};

/* The stepper stops here. */
void step_end(void);
noinline void step_end(void)
{
    __asm__ volatile("" : : : "memory");
}

/* ---- the handler ---- */

static volatile sig_atomic_t signals;

/* What rung_backtrace_context finds, for the stepper to read. */
extern uintptr_t step_walk[128];
uintptr_t step_walk[128];

void step_handler(int signal_number, siginfo_t *info, void *context);
void step_handler_body(int signal_number, siginfo_t *info, void *context);

/* A first instruction without effect: qemu's stub shows the handler only after that. */
#if defined(__x86_64__)
__asm__(".text\n.globl step_handler\n.type step_handler, @function\nstep_handler:\n\t.cfi_startproc\n\t"
        "nop\n\tjmp step_handler_body\n\t.cfi_endproc\n.size step_handler, . - step_handler");
#else
__asm__(".text\n.globl step_handler\n.type step_handler, %function\nstep_handler:\n\t.cfi_startproc\n\t"
        "nop\n\tb step_handler_body\n\t.cfi_endproc\n.size step_handler, . - step_handler");
#endif

static noinline void count_signal(void)
{
    signals = signals + 1;
}

void step_handler_body(int signal_number, siginfo_t *info, void *context)
{
    (void)info;
    if (signal_number == SIGUSR2)
        (void)rung_backtrace_context(context, step_walk, sizeof step_walk / sizeof *step_walk);
    count_signal();
}

/* ---- the paths ---- */

static rung_chan *requests, *answers, *other;

static int yielder(void *arg)
{
    for (int i = 0; i < 3; i++)
        rung_yield();
    (void)arg;
    return 0;
}

static int short_lived(void *arg)
{
    *(int *)arg += 1;
    return 0;
}

static int copied(void *arg)
{
    return *(int *)arg;
}

/* Another floating-point control than the others have: the rarer path of a switch. */
static int rounder(void *arg)
{
    (void)arg;
    fesetround(FE_UPWARD);
    rung_yield();
    return fegetround() == FE_UPWARD ? 0 : -1;
}

static int echo(void *arg)
{
    int value;
    (void)arg;
    while (rung_recv(requests, &value) == 1)
        if (rung_send(answers, &value) != 0)
            return -1;
    return 0;
}

static int selector(void *arg)
{
    int value = *(int *)arg;
    rung_case cases[] = { RUNG_CASE_RECV(other, &value), RUNG_CASE_RECV(NULL, NULL) };
    rung_select(cases, 2);
    return 0;
}

static noinline void nested(int *calls)
{
    *calls += 1;
}

static void on_g0(void *arg)
{
    nested(arg);
    nested(arg);
}

static void one_round(void)
{
    int calls = 0, value = 7, ended = 0;
    rung_go(yielder, NULL);
    rung_go(short_lived, &ended);
    rung_go(rounder, NULL);
    rung_go_copy(copied, &value, sizeof value);
    rung_yield();
    rung_systemstack(on_g0, &calls);
    for (int i = 0; i < 2; i++) {
        rung_send(requests, &value);
        rung_recv(answers, &value);
    }
    rung_go(selector, &value);
    rung_yield();
    rung_send(other, &value); /* finds it parked in its select */
    rung_case cases[] = { RUNG_CASE_RECV(answers, &value), RUNG_CASE_SEND(requests, &value) };
    if (rung_select(cases, 2) == 1) /* likewise; and echo answers into the next */
        rung_select(cases, 1);
    for (int i = 0; i < 4; i++) { /* once nobody else is left the thread sleeps as well */
        int mode = i % 2 == 0 ? FE_TOWARDZERO : FE_DOWNWARD;
        fesetround(mode);
        rung_sleep(RUNG_MICROSECONDS(50));
        if (fegetround() != mode)
            abort();
    }
    fesetround(FE_TONEAREST);
    while (ended == 0)
        rung_yield();
    if (calls != 2)
        abort();
}

static int program(void *arg)
{
    rung_chan_open(&requests, sizeof(int), 0);
    rung_chan_open(&answers, sizeof(int), 0);
    rung_chan_open(&other, sizeof(int), 0);
    rung_go(echo, NULL);
    for (int i = 0; i < *(int *)arg; i++)
        one_round();
    step_end();
    rung_chan_close(requests);
    return 0;
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? atoi(arguments[1]) : 10;
    struct sigaction action = { .sa_sigaction = step_handler, .sa_flags = SA_ONSTACK | SA_RESTART | SA_SIGINFO };
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    int status = rung_run(program, &rounds);
    printf("program: %d rounds, %d signals\n", rounds, (int)signals);
    return status == 0 ? 0 : 1;
}
