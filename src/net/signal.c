/* SPDX-License-Identifier: MIT */
/*
 * signal.c: signals as a channel.
 *
 * The handler only marks its signal in a word and writes to an eventfd (both are allowed in a handler); a goroutine reads
 * that and sends the marked signals to the channels that asked for them. It belongs to the root scope, so it ends with
 * rung_run, and puts the dispositions back that the signals had.
 * Rejected: signalfd (the signal would have to be blocked in every thread, also in those that are not rung's).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <rung_process.h>
#include <stdlib.h>

#include "base/os_fd.h"
#include "base/os_process.h"
#include "net/fd.h"
#include "sync/chan.h"

enum { SIGNALS = 64 };
#define ASK_AGAIN RUNG_MILLISECONDS(10)

struct listener {
    struct listener *next;
    rung_chan *chan;
    uint64_t wants;      /* a bit for each signal, from 1 on */
};

static rung_mutex lock;
static struct listener *listeners;         /* under lock */
static bool is_running;                    /* under lock: there is a goroutine that reads the event */
static uint64_t caught;                    /* under lock: signals with our handler */
static struct sigaction before[SIGNALS];   /* under lock: what those that are caught did before */
static uint64_t come;                      /* atomic: signals that have come since they were last sent on */
static int event = -1;                     /* made once; read by the handler */

static uint64_t bit_of(int signal)
{
    return UINT64_C(1) << (signal - 1);
}

static void on_signal(int signal)
{
    atomic_or_seq_cst(&come, bit_of(signal)); /* pairs with pass_on_locked's swap */
    (void)os_event_set(event); /* the child of a fork may have closed it */
}

/* ---- sending on ---- */

/* So far: who asks from now on hears nothing of it. */
static void pass_on_locked(void)
{
    uint64_t marked = atomic_swap_acq_rel(&come, UINT64_C(0)); /* pairs with on_signal */
    for (int signal = 1; signal <= SIGNALS; signal++) {
        if (!(marked & bit_of(signal)))
            continue;
        for (struct listener *listener = listeners; listener != NULL; listener = listener->next)
            if (listener->wants & bit_of(signal))
                (void)rung_try_send(listener->chan, &signal);
    }
}

static void restore_locked(uint64_t signals)
{
    for (int signal = 1; signal <= SIGNALS; signal++)
        if (caught & signals & bit_of(signal))
            (void)os_signal_restore(signal, &before[signal - 1]);
    caught &= ~signals;
}

/* Until rung_run ends. Where the kernel has no memory to wait with, signals are asked for now and then. */
static int listen_to_event(void *arg)
{
    uint64_t count;
    rung_fd fd = (rung_fd)(intptr_t)arg;
    while (rung_scope_error() == 0) {
        if (rung_read(fd, &count, sizeof count) <= 0)
            (void)rung_sleep(ASK_AGAIN);
        rung_mutex_lock(&lock);
        pass_on_locked();
        rung_mutex_unlock(&lock);
    }
    (void)rung_fd_release(fd);
    rung_mutex_lock(&lock);
    restore_locked(UINT64_MAX);
    while (listeners != NULL) {
        struct listener *listener = listeners;
        listeners = listener->next;
        free(listener);
    }
    is_running = false;
    rung_mutex_unlock(&lock);
    return 0;
}

static int start_locked(void)
{
    static const rung_go_options options = { .name = "signals" };
    if (is_running)
        return 0;
    if (event < 0) {
        int made = os_event_new();
        if (made < 0)
            return made;
        event = made;
    }
    rung_fd fd = rung_fd_adopt(event);
    if (fd < 0)
        return (int)fd;
    int error = rung_go_with(&options, listen_to_event, (void *)(intptr_t)fd);
    if (error != 0)
        (void)rung_fd_release(fd);
    is_running = error == 0;
    return error;
}

/* ---- asking for them ---- */

static int signals_in(const int *signals, int count, uint64_t *set)
{
    static const int refused[] = { SIGKILL, SIGSTOP, SIGURG, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
    *set = 0;
    if (count < 0 || (signals == NULL && count > 0))
        return -EINVAL;
    for (int i = 0; i < count; i++) {
        if (signals[i] < 1 || signals[i] > SIGNALS || (signals[i] > SIGSYS && signals[i] < SIGRTMIN))
            return -EINVAL;
        for (size_t j = 0; j < array_length(refused); j++)
            if (signals[i] == refused[j])
                return -EINVAL;
        *set |= bit_of(signals[i]);
    }
    return 0;
}

static struct listener *listener_for_locked(rung_chan *chan)
{
    struct listener *listener = listeners;
    while (listener != NULL && listener->chan != chan)
        listener = listener->next;
    if (listener == NULL && (listener = calloc(1, sizeof *listener)) != NULL) {
        listener->chan = chan;
        listener->next = listeners;
        listeners = listener;
    }
    return listener;
}

static int catch_locked(uint64_t signals)
{
    for (int signal = 1; signal <= SIGNALS; signal++) {
        if (!(signals & ~caught & bit_of(signal)))
            continue;
        int error = os_signal_catch(signal, on_signal, &before[signal - 1]);
        if (error != 0)
            return error;
        caught |= bit_of(signal);
    }
    return 0;
}

int rung_signal_notify(rung_chan *chan, const int *signals, int count)
{
    uint64_t set;
    int error = chan != NULL && chan->item_size == sizeof(int) ? signals_in(signals, count, &set) : -EINVAL;
    if (error != 0)
        return error;
    if (sched.is_forked)
        return -ENOTRECOVERABLE;
    rung_mutex_lock(&lock);
    error = start_locked();
    pass_on_locked();
    struct listener *listener = error == 0 ? listener_for_locked(chan) : NULL;
    if (error == 0)
        error = listener != NULL ? catch_locked(set) : -ENOMEM;
    if (error == 0)
        listener->wants |= set;
    rung_mutex_unlock(&lock);
    return error;
}

void rung_signal_stop(rung_chan *chan)
{
    uint64_t wanted = 0;
    rung_mutex_lock(&lock);
    for (struct listener **at = &listeners; *at != NULL;) {
        struct listener *listener = *at;
        if (listener->chan == chan) {
            *at = listener->next;
            free(listener);
            continue;
        }
        wanted |= listener->wants;
        at = &listener->next;
    }
    restore_locked(~wanted);
    rung_mutex_unlock(&lock);
}
