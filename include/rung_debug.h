/* SPDX-License-Identifier: MIT */
/*
 * rung_debug.h: to see what goroutines do.
 *
 * Dumps, backtraces and counters stop nothing, allocate nothing from malloc and take no lock that a stuck thread could
 * hold. Stacks are read while their goroutines run elsewhere; one that moves under the reader's
 * eyes is asked again, and then shown as "running" with the stack that its own thread reported.
 */
#ifndef RUNG_DEBUG_H
#define RUNG_DEBUG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Writes every goroutine to the descriptor: number, name, state, what it waits for, since when,
 * where it was created, its stack as function+offset; goroutines with equal stacks together.
 * 0, -ENOMEM, or -errno of write(2); where that would block it is waited for. Any thread, also from a signal handler: one for
 * SIGABRT, say, shows whose assert failed.
 */
int rung_dump(int fd);

/*
 * The stack of the caller, leaf first, through g0 and system calls to the root: at most `capacity`
 * return addresses, and at most 128. Gives back how many: 0 on a plain thread that rung does not know yet, as it has called
 * nothing that can park or wake. Async-signal-safe. Any thread.
 */
size_t rung_backtrace(uintptr_t *pcs, size_t capacity);

/* The same from a signal handler's third argument: the interrupted code's stack, its exact leaf first. */
size_t rung_backtrace_context(const void *ucontext, uintptr_t *pcs, size_t capacity);

/* Function name and offset of a pc, "name+0x1c", else "[object+0x1234]". Async-signal-safe. Gives back its length. */
size_t rung_symbol(uintptr_t pc, char *text, size_t capacity);

/* Counters of the runtime, for tests and metrics. All are hints. */
typedef struct rung_statistics {
    uint32_t processors;
    uint32_t threads;          /* of rung's own, parked ones included: they never end, and each keeps a descriptor */
    uint64_t goroutines;       /* alive */
    uint64_t created;
    uint64_t switches;
    uint64_t steals;
    uint64_t hand_overs;       /* processors taken from a goroutine that hogged or slept */
    uint64_t stack_bytes;      /* address space committed to stacks */
    const char *guard;         /* "marker" (MADV_GUARD_INSTALL) or "mprotect" */
    int membarrier;            /* 1 if the hand-shake is free, 0 if fences do it */
} rung_statistics;

void rung_statistics_read(rung_statistics *statistics);

/* ---- execution trace ---------------------------------------------------------------------- */

/*
 * A trace tells the life of every goroutine: when it was made, ran, waited, for what, and who woke it, with stacks. It is
 * in Go's format: `go tool trace FILE`, gotraceui and golang.org/x/exp/trace open it, and need nothing else.
 * With RUNG_TRACE=FILE in the environment each rung_run is traced, the second one into FILE.2, and so on; or, where another
 * process is writing that (a parent, perhaps), into FILE.PID. RUNG_TRACE_EVERY=n begins a new generation each n milliseconds;
 * RUNG_TRACE_CPU=n takes n CPU samples a second.
 *
 * A thread of the trace's own writes it. Recording never waits for that: where the writer is too slow for the memory, the
 * file ends at the last generation that is whole, with a line in its log about what was lost; the next generation that
 * is whole begins another file, FILE.part2, and so on. What is written by a call or to a descriptor ends there. rung_trace_stop
 * says so in any case.
 */

/* Takes `count` bytes. 0, or -errno, which ends the trace. Called on the trace's thread; must not call rung. */
typedef int rung_trace_sink(void *arg, const void *bytes, size_t count);

/* A function's frame; the strings have to stay until the next call only. */
typedef struct rung_frame {
    const char *function;
    const char *file;
    unsigned line;
} rung_frame;

/* The frames of what lies at a pc, inlined ones first. Gives back how many, at most `capacity`; 0: not known. */
typedef size_t rung_symbolizer(uintptr_t pc, rung_frame *frames, size_t capacity);

typedef struct rung_trace_options {
    const char *path;           /* a file to be made; or, if NULL, */
    rung_trace_sink *write;          /* what to call with the trace's bytes; or, if NULL, */
    void *write_arg;
    int fd;                     /* a descriptor to write to, that stays the caller's */
    rung_symbolizer *symbolize; /* NULL: librung-debug's if that is linked, else the symbol tables */
    int64_t generation_ns;      /* a trace can be read from each generation on; 0: a second */
    size_t memory;              /* bytes for what is not written yet; 0: 64 MiB; at least 1 MiB */
    int version;                /* of Go that shall read it: 23, or 25; 0: 25 */
    int sample_hz;              /* CPU samples of each thread in a second of its CPU time; 0: none; at most 1,000 */
} rung_trace_options;

/*
 * CPU samples: the stack of whatever code a thread of rung's runs, by SIGPROF, which must have no handler of the program's. A
 * system call that the signal interrupts goes on, as far as SA_RESTART says (signal(7)). The kernel looks at their timers at its
 * ticks: there are no more samples than those (CONFIG_HZ; mostly 250 in a second). With samples, the system call by which a trace
 * shows code that keeps its processor has a stack.
 */

/*
 * Starts a trace, which ends by rung_trace_stop, or with rung_run. Goroutine or plain thread, while rung_run runs. The options
 * need not stay. Blocks its thread until everything that happens is told of: some 100 us. Errors: -EBUSY (there is one already; somebody,
 * perhaps another process, writes that file; or samples are wanted, and SIGPROF has a handler), -ESRCH
 * (not running), -EINVAL (options), -ENOMEM, -EAGAIN (no thread), those of open(2).
 */
int rung_trace_start(const rung_trace_options *options);

/*
 * Ends it; the file is whole when this returns. 0; -ESRCH (there was none); -ENOBUFS (the writer was too slow: something
 * is missing, or the end); -ENOMEM, those of write(2), and what `write` gave back: the trace ends early, a `path` with its
 * last generation that is whole. Any thread. Blocks its thread.
 */
int rung_trace_stop(void);

/*
 * A flight recorder keeps the last seconds of the trace in memory, until somebody wants to have them: up to eight at once,
 * and beside a trace. A program stays on it: what it costs is what recording costs.
 */
typedef struct rung_flight rung_flight;

typedef struct rung_flight_options {
    size_t memory;           /* bytes that are kept at least, once there are that many; 0: 10 MiB; at least 1 MiB */
    int64_t age_ns;          /* what is older may be forgotten; 0: 10 s */
    const char *file;        /* NULL, or the memory is this file, made anew: after the recorder's end, or the process's by
                                whatever signal, `rung trace salvage FILE` makes a trace of it; once the next one has begun
                                there it is FILE.old. For the first recorder, and no trace before */
    const char *dump;        /* NULL, or where triggers write snapshots: dump.1, dump.2, ... */
    int64_t region_limit_ns; /* a region that takes longer is a trigger, 100 times; 0: none is */
    rung_symbolizer *symbolize;
    int sample_hz;           /* as in rung_trace_options; of several, the most */
} rung_flight_options;

/*
 * Starts one; it ends by rung_flight_stop, or with rung_run. The options need not stay. With RUNG_FLIGHT=FILE in the environment each rung_run has
 * one with that file, of RUNG_FLIGHT_MEMORY bytes (k, m, g). Errors: those of rung_trace_start; -EAGAIN for the ninth; -EBUSY for a file where it cannot be the memory.
 */
int rung_flight_start(rung_flight **flight, const rung_flight_options *options);

/*
 * Writes what it keeps, as a trace. Nobody is stopped for that; blocks its thread. 0; -EINVAL (no such recorder), -ENOBUFS (events
 * were lost just now, and nothing is kept), -ENOMEM, what `write` gave back. `save` makes a file, which is empty after an error.
 */
int rung_flight_snapshot(rung_flight *flight, rung_trace_sink *write, void *arg);
int rung_flight_save(rung_flight *flight, const char *path);

/*
 * Every recorder that has a `dump` writes a snapshot there, soon, from the trace's thread. So do a panic, a deadlock and a
 * fault, before the process ends. Async-signal-safe. Any thread.
 */
void rung_flight_trigger(void);

/* 0, -EINVAL (no such recorder). */
int rung_flight_stop(rung_flight *flight);

/*
 * What the program adds to its trace: tasks, which many goroutines work on; regions of one goroutine's time; lines of a log;
 * and a label that the goroutine bears from then on. All take a load and a branch while nothing is traced. Strings are
 * cut to 1,024 bytes, and bytes that are not UTF-8 become '?'; of very many different ones at once some may be
 * "(no room for this text)", but for the names of regions. NULL counts as "". On a plain thread nothing is written.
 */
typedef uint64_t rung_task;

/* A task within another, or 0. Its number, never 0; valid for ever, in no trace but the one that is on. Any thread. */
rung_task rung_task_begin(const char *name, rung_task parent);
/* Twice, or 0: nothing happens in the trace. */
void rung_task_end(rung_task task);

/* Lives in the goroutine's frame between begin and end. */
typedef struct rung_region {
    uintptr_t rung_private[6];
} rung_region;

/* The goroutine's time up to the end, for a task or 0. `name` must stay until the end. */
void rung_region_begin(rung_region *region, rung_task task, const char *name);
/* Last begun, first ended, by the goroutine that began it; else -EINVAL, and nothing is written. 0. */
int rung_region_end(rung_region *region);

void rung_log(rung_task task, const char *category, const char *message);
void rung_label(const char *label);

#ifdef __cplusplus
}
#endif
#endif
