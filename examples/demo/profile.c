/* SPDX-License-Identifier: MIT */
/*
 * profile.c: where the CPU time goes, sampled by SIGPROF.
 *
 * A timer on the process's CPU clock interrupts whoever runs. The handler claims a sample by one
 * atomic addition and has rung walk the stack into it: no lock, no malloc, nothing that the
 * interrupted code could hold. Afterwards the stacks are merged from the root to the leaf.
 *
 * The kernel looks at CPU clocks from its tick, so there are at most CONFIG_HZ samples a second and
 * CPU. Which stacks belong to goroutines is told by their outermost frame: profile_start, itself on
 * a goroutine, looks which one that is.
 */
#define _GNU_SOURCE 1
#include "profile.h"

#include <rung_debug.h>
#include <rung_errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report.h"

enum { SAMPLES = 16384, DEPTH = 128, NAME_BYTES = 128, CACHE = 8192 };

struct sample {
    atomic_uint depth; /* 0 until its stack is whole; release: pairs with profile_print */
    uintptr_t pcs[DEPTH];
};

/* A function as called from its parent's; `count` samples were in it or below it. */
struct node {
    char name[NAME_BYTES];
    unsigned count;
    struct node *first, *next;
};

static struct sample *samples; /* SAMPLES of them; pages that are not used cost nothing */
static atomic_uint claimed;    /* samples, those that found no room included */
static timer_t timer;
static char goroutine_root[NAME_BYTES];

static void take_sample(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    unsigned at = atomic_fetch_add_explicit(&claimed, 1, memory_order_relaxed);
    if (at >= SAMPLES)
        return;
    size_t depth = rung_backtrace_context(context, samples[at].pcs, DEPTH);
    atomic_store_explicit(&samples[at].depth, (unsigned)depth, memory_order_release);
}

/*
 * The function's name alone: no offset, none of the suffixes of a compiler's own copies (.part.0). A
 * return address may be the next function's first byte: look before it.
 */
static void name_of(uintptr_t pc, bool is_leaf, char name[NAME_BYTES])
{
    size_t length = rung_symbol(is_leaf ? pc : pc - 1, name, NAME_BYTES);
    name[length < NAME_BYTES ? length : NAME_BYTES - 1] = '\0';
    char *end = name[0] == '[' ? strstr(name, "+0x") : strpbrk(name + 1, "+.");
    if (end != NULL)
        strcpy(end, name[0] == '[' ? "]" : "");
}

int profile_start(void)
{
    struct sigaction action = { .sa_sigaction = take_sample,
                                .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF };
    const struct timespec period = { 0, 1000000000 / PROFILE_HZ };
    const struct itimerspec times = { period, period };
    uintptr_t pcs[DEPTH];
    size_t depth = rung_backtrace(pcs, DEPTH);
    if (depth > 0)
        name_of(pcs[depth - 1], false, goroutine_root);
    atomic_store_explicit(&claimed, SAMPLES, memory_order_relaxed); /* a late signal of the time before finds no room */
    struct sample *fresh = calloc(SAMPLES, sizeof *samples);
    if (fresh == NULL)
        return -ENOMEM;
    free(samples);
    samples = fresh;
    atomic_store_explicit(&claimed, 0, memory_order_relaxed);
    if (sigaction(SIGPROF, &action, NULL) < 0 ||
        timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) < 0)
        return -errno;
    return timer_settime(timer, 0, &times, NULL) < 0 ? -errno : 0;
}

/* The handler stays: a last signal may still be on its way. */
void profile_stop(void)
{
    timer_delete(timer);
}

/* ---- the tree --------------------------------------------------------------------------- */

static struct node *child(struct node *parent, const char *name)
{
    struct node *node = parent->first;
    while (node != NULL && strcmp(node->name, name) != 0)
        node = node->next;
    if (node == NULL) {
        node = job_memory(calloc(1, sizeof *node));
        memcpy(node->name, name, NAME_BYTES);
        node->next = parent->first;
        parent->first = node;
    }
    return node;
}

/* Gives back whether the stack reaches a goroutine's root. */
static bool add_sample(struct node *root, const struct sample *sample, unsigned depth)
{
    char name[NAME_BYTES] = "";
    bool is_whole = false;
    root->count++;
    for (unsigned i = depth; i-- > 0;) {
        name_of(sample->pcs[i], i == 0, name);
        if (i == depth - 1)
            is_whole = strcmp(name, goroutine_root) == 0;
        root = child(root, name);
        root->count++;
    }
    return is_whole;
}

/* Takes the child with the most samples out of the list, if it has at least `least`. */
static struct node *take_largest(struct node *parent, unsigned least)
{
    struct node **largest = NULL;
    for (struct node **link = &parent->first; *link != NULL; link = &(*link)->next)
        if ((*link)->count >= least && (largest == NULL || (*link)->count > (*largest)->count))
            largest = link;
    if (largest == NULL)
        return NULL;
    struct node *node = *largest;
    *largest = node->next;
    return node;
}

static void free_children(struct node *node)
{
    for (struct node *next; node->first != NULL; node->first = next) {
        next = node->first->next;
        free_children(node->first);
        free(node->first);
    }
}

static void print_node(struct node *node, unsigned total, int level)
{
    enum { WIDTH = 20 };
    const unsigned least = total / 50 + 1; /* what has less than 2 % is folded */
    char bar[WIDTH * 3 + 8];
    struct node *next;
    report_bar(bar, sizeof bar, (double)node->count / total, WIDTH);
    printf("  %5.1f %%  %s %*s%s\n", 100.0 * node->count / total, bar, level * 2, "", node->name);
    while ((next = take_largest(node, least)) != NULL) {
        print_node(next, total, level + 1);
        free_children(next);
        free(next);
    }
    unsigned folded = 0, count = 0;
    for (next = node->first; next != NULL; next = next->next, folded++)
        count += next->count;
    if (count >= least)
        printf("  %5.1f %%  %*s %*s(%u smaller)\n", 100.0 * count / total, WIDTH, "", level * 2 + 2,
               "", folded);
}

void profile_print(void)
{
    struct node root = { .name = "all" };
    unsigned whole = 0, taken = atomic_load_explicit(&claimed, memory_order_relaxed);
    for (unsigned i = 0; samples != NULL && i < taken && i < SAMPLES; i++) {
        unsigned depth = atomic_load_explicit(&samples[i].depth, memory_order_acquire);
        if (depth > 0)
            whole += add_sample(&root, &samples[i], depth);
    }
    report_heading("where the CPU time went: %u samples", root.count);
    if (root.count > 0) {
        print_node(&root, root.count, 0);
        printf("\n  %.1f %% of the samples reach a goroutine's root, %s.\n",
               100.0 * whole / root.count, goroutine_root);
    } else
        printf("  It ended before the first sample.\n");
    free_children(&root);
}
