/* SPDX-License-Identifier: MIT */
/*
 * rung.h: goroutines, channels, select, timers, locks, scopes.
 *
 * This header is the manual of the core. Read it from the top; every call says what it gives back,
 * whether it parks, and who may call it.
 *
 * Errors        A call that can fail for reasons outside the program gives back a negative errno
 *               value (-ENOMEM, -ETIMEDOUT, ...; the names are <errno.h>'s, or rung_errno.h's, which these headers do not
 *               include), otherwise 0 or a count. strerror(-result) is its sentence. errno itself is not used.
 *               Misuse (closing a channel twice, unlocking what is not locked, pthread_exit on a goroutine) is a defect of the
 *               program: it panics with a sentence and the stacks, and ends in abort().
 * Parks         A call that "parks" stops the goroutine, never its thread. Each parking call obeys
 *               the scope that it runs in: it gives back -ECANCELED once the scope is cancelled
 *               and -ETIMEDOUT once the deadline has passed, at once if that is so already.
 * Callers       "goroutine": only a goroutine may call. "any thread": a plain thread may call
 *               too, and sleeps on a futex where a goroutine would park. (Its first call takes a little
 *               memory, for good; without it: a panic.) Signal handlers may call
 *               nothing here. After fork() the child may call nothing: what needs the runtime gives
 *               -ENOTRECOVERABLE, or panics where it gives back nothing, as does a goroutine that returns there. (Who forks to
 *               begin with, a daemon say, calls rung after that.)
 * NULL          Where a pointer may be NULL, the call says so. A function, an array, or the place for
 *               what is opened, that is NULL gives -EINVAL, or panics where nothing is given back. Any
 *               other NULL faults, as in libc.
 * Durations     are int64_t nanoseconds. A negative one counts as 0, RUNG_FOREVER never ends.
 * C++           No exception may leave a function that rung calls: out of a goroutine it ends in std::terminate, and a rung_once
 *               that one has left is never done.
 * Zeroed        mutex, rwmutex, cond, sema, waitgroup and once are valid when zeroed, and need no
 *               end. Scopes, groups and channels are opened and closed.
 */
#ifndef RUNG_H
#define RUNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RUNG_MUST_CHECK __attribute__((__warn_unused_result__))
#define RUNG_PRINTF(string, first) __attribute__((__format__(__printf__, string, first)))
#define RUNG_NORETURN __attribute__((__noreturn__))
#else
#define RUNG_MUST_CHECK
#define RUNG_PRINTF(format, first)
#define RUNG_NORETURN
#endif

/* ---- durations -------------------------------------------------------------------------- */

#define RUNG_MICROSECONDS(n) ((int64_t)(n)*INT64_C(1000))
#define RUNG_MILLISECONDS(n) ((int64_t)(n)*INT64_C(1000000))
#define RUNG_SECONDS(n)      ((int64_t)(n)*INT64_C(1000000000))
#define RUNG_FOREVER         INT64_MAX

/* Monotonic time in nanoseconds, CLOCK_MONOTONIC's. Never parks. Any thread. */
int64_t rung_now(void);

/* ---- running ---------------------------------------------------------------------------- */

/* What a goroutine runs. Its value goes to the group it belongs to, if any: 0, or -errno. */
typedef int rung_function(void *arg);

/*
 * Starts the runtime, runs fn(arg) as goroutine 1 and gives back what it gave back. When fn
 * returns, the root scope is cancelled, and rung_run waits until the other goroutines have ended;
 * one that will not end is named on stderr with its stack every few seconds. May be called again and
 * again, from a plain thread, one at a time.
 * Errors: -EBUSY (running already), -EINVAL (fn is NULL, or called from a goroutine), -ENOMEM,
 * -EAGAIN (no thread to be had: two are needed), -ENOTSUP (an x86-64 without SSE4.1), -ENOTRECOVERABLE (forked child).
 * Where later threads are not to be had, it goes on with those that there are: what is blocked in the
 * kernel, or pinned and parked, then keeps others waiting until a thread can be started.
 * When all goroutines wait for good, and no other thread is left that could wake one (/proc tells; without it nothing is taken for a
 * deadlock), the process says so with every stack, and exits with status 2.
 *
 * Environment: RUNG_PROCS (processors, default: CPUs this process may use, cgroup quota included),
 * RUNG_STACK (default stack size, as 64k), RUNG_SIGQUIT=0 (no dump on SIGQUIT), RUNG_GUARD=mprotect
 * (no guard markers), RUNG_RESERVE (address space for stacks, as 64g), RUNG_TRIM (milliseconds after which the
 * stack pages below a parked goroutine are given back, default: 10000), RUNG_CHAOS=seed (hostile
 * scheduling, for tests). Numbers out of range count as the nearest in it; what is no number counts as
 * unset, and a line on stderr says so.
 *
 * SIGQUIT dumps and ends the process where it would have ended it: not where the program handles it, or it is ignored, as it is
 * in what a shell's script starts with &.
 */
int rung_run(rung_function *fn, void *arg);

/*
 * Starts fn(arg) as a goroutine, as Go's go statement does: it belongs to the root scope, whatever
 * scope its creator is in; what it gives back is dropped. Never parks. Any thread, while rung_run
 * runs. For goroutines that someone waits for, see rung_group.
 * Errors: -EINVAL (fn is NULL), -ENOMEM (no stack to be had), -ECANCELED (the root scope has been
 * cancelled), -ESRCH (not running).
 */
int rung_go(rung_function *fn, void *arg);

/*
 * The same, and copies `size` bytes from `data` onto the new goroutine's stack; fn gets the copy's
 * address (aligned to 16), valid until fn returns. -E2BIG above 4,096 bytes.
 */
int rung_go_copy(rung_function *fn, const void *data, size_t size);

typedef struct rung_group rung_group;

typedef struct rung_go_options {
    const char *name;      /* shown in dumps; copied, at most 23 bytes; NULL: the function's name */
    size_t stack_size;     /* bytes; 0: the default (256 KiB). 16 KiB to 1 GiB, rounded up; -EINVAL else */
    rung_group *group;     /* the group it belongs to; NULL: the root scope */
    const void *copy;      /* if not NULL: `copy_size` bytes to copy, as rung_go_copy */
    size_t copy_size;
} rung_go_options;

/* The general form. `options` may be NULL. */
int rung_go_with(const rung_go_options *options, rung_function *fn, void *arg);

/* Lets other goroutines run; this one goes to the end of its processor's queue. Any thread. */
void rung_yield(void);

/* Parks for `duration_ns`. 0, -ECANCELED or -ETIMEDOUT; -ENOMEM, at once, if there is none for its timer. Any thread. */
int rung_sleep(int64_t duration_ns);

/* This goroutine's number: 1 for rung_run's, never used twice; 0 on a plain thread. */
uint64_t rung_id(void);

/*
 * Between begin and end the goroutine is expected to block in the kernel (or in a library): its
 * processor is given to others after 20 us. Without them the same happens as soon as the monitor
 * sees the thread asleep, so that they are a help, never a need. No rung call in between.
 * Goroutine (a plain thread: nothing happens).
 */
void rung_blocking_begin(void);
void rung_blocking_end(void);

/*
 * Between pin and unpin the goroutine stays on the thread it is on, for foreign code that keeps
 * state in thread-local variables. (A C++ catch block that parks is such code: the runtime keeps what was caught for the
 * thread.) So it has to where it parks with what belongs to a thread: a stream locked by flockfile, a mutex of pthread's
 * or C++'s, a locale set by uselocale, a signal mask, the loader while dlopen runs a constructor.
 * Nests; to unpin more often than to pin panics. A pinned goroutine that
 * parks keeps its thread, so that others need another. Goroutine (a plain thread: nothing happens).
 */
void rung_pin(void);
void rung_unpin(void);

/* Ends the process as a panic does: the sentence, as printf's and at most 511 bytes, this goroutine's stack, all others', abort(). */
void rung_panic(const char *format, ...) RUNG_NORETURN RUNG_PRINTF(1, 2);

/* ---- channels --------------------------------------------------------------------------- */

/*
 * A queue of items of one size, of fixed capacity; capacity 0 is a rendezvous. Values are copied in
 * and out. A NULL channel never becomes ready: sending and receiving park until the scope ends.
 */
typedef struct rung_chan rung_chan;

/*
 * Opens a channel; *chan is written on success only. item_size 0 is fine (a pure signal).
 * Never parks. Any thread, also before rung_run.
 * Errors: -EINVAL (item_size above 65,536, or the buffer above 1 TiB), -ENOMEM.
 */
int rung_chan_open(rung_chan **chan, size_t item_size, size_t capacity);

/*
 * Sends one item. Parks until a receiver takes it or the buffer has room. 0; -EPIPE once the channel
 * is closed; -ECANCELED, -ETIMEDOUT by scope (the item was not sent). Any thread.
 */
int rung_send(rung_chan *chan, const void *item);

/*
 * Receives one item. Parks until there is one. 1 for an item; 0 when the channel is closed and
 * empty (*item is zeroed); -ECANCELED, -ETIMEDOUT by scope. `item` may be NULL: dropped. Any thread.
 */
int rung_recv(rung_chan *chan, void *item);

/* The same, but -EAGAIN where they would park. They obey no scope. Any thread. */
int rung_try_send(rung_chan *chan, const void *item);
int rung_try_recv(rung_chan *chan, void *item);

/* No more items: receivers drain the buffer, then get 0; senders get -EPIPE. Twice, or NULL: panic. */
void rung_chan_close(rung_chan *chan);

/* Frees it, closed or not. A goroutine that waits on it: panic. NULL: nothing. Any thread. */
void rung_chan_free(rung_chan *chan);

/* Items in the buffer now, and its capacity; 0 for NULL. A hint: others send and receive. */
size_t rung_chan_length(const rung_chan *chan);
size_t rung_chan_capacity(const rung_chan *chan);

/* ---- select ----------------------------------------------------------------------------- */

enum rung_operation { RUNG_SEND = 1, RUNG_RECV = 2 };

typedef struct rung_case {
    rung_chan *chan;                 /* NULL: this case is never ready */
    enum rung_operation operation;
    void *item;                      /* sent from, or received into (NULL: dropped) */
    int result;                      /* of the chosen case: as rung_send or rung_recv */
} rung_case;

#define RUNG_CASE_SEND(chan, item) { (chan), RUNG_SEND, (void *)(item), 0 }
#define RUNG_CASE_RECV(chan, item) { (chan), RUNG_RECV, (item), 0 }

/*
 * Does exactly one of the cases, chosen at random among those that are ready; parks until one is.
 * Gives back its index, or -ECANCELED, -ETIMEDOUT by scope (none was done), -EINVAL (an unknown
 * operation, more than 65,536 cases), -ENOMEM (more than 16 cases, and no memory). With no cases it parks until
 * the scope ends. A send on a closed channel is ready, with result -EPIPE. Any thread.
 */
int rung_select(rung_case *cases, size_t count);

/* The same with a default: -EAGAIN where it would park. Obeys no scope. */
int rung_try_select(rung_case *cases, size_t count);

/* ---- timers ----------------------------------------------------------------------------- */

/* Sends the time (int64_t, as rung_now) into its own channel of capacity 1; a tick that finds it full is dropped. */
typedef struct rung_timer rung_timer;

/*
 * Fires after `first_ns`, and from then on every `period_ns` if that is not 0. RUNG_FOREVER: made,
 * but stopped. Errors: -ENOMEM, -EINVAL (negative period), -ESRCH (rung_run does not run). Any thread.
 * One that is still open when rung_run ends goes on in the next at the latest.
 */
int rung_timer_open(rung_timer **timer, int64_t first_ns, int64_t period_ns);
rung_chan *rung_timer_chan(rung_timer *timer);

/* Sets it anew. 1 if it was pending, else 0; -EINVAL as above; -ENOMEM: it is stopped. No stale tick is received after it returns. */
int rung_timer_reset(rung_timer *timer, int64_t first_ns, int64_t period_ns);
int rung_timer_stop(rung_timer *timer);

/* Stops and frees it, with its channel. NULL: nothing. */
void rung_timer_close(rung_timer *timer);

/* ---- scopes ----------------------------------------------------------------------------- */

/*
 * A scope bounds the parking calls made within it, by a deadline and by cancellation. Scopes nest:
 * the inner one ends with the outer one at the latest. Opened and closed by one goroutine, or one plain thread
 * (also where rung_run does not run), last opened first closed (else, and if that ends before: panic);
 * anybody may cancel it while it is open. If there is no memory to keep its
 * deadline, it has ended as soon as it is open, with -ENOMEM instead of -ETIMEDOUT.
 */
typedef struct rung_scope {
    uintptr_t rung_private[12];
} rung_scope;

void rung_scope_open(rung_scope *scope, int64_t timeout_ns);

/* Gives back why it has ended: 0 (it had not), -ECANCELED or -ETIMEDOUT (-ENOMEM: above). */
int rung_scope_close(rung_scope *scope);

/* Ends it and every scope and group within it; what is parked there wakes. Not open: panic. Any thread. */
void rung_scope_cancel(rung_scope *scope);

/* A scope that outer scopes do not end: for cleaning up under a cancelled one. Closed by rung_scope_close. */
void rung_shield_open(rung_scope *scope, int64_t timeout_ns);

/* What a parking call would say now: 0, -ECANCELED or -ETIMEDOUT. For loops that only compute. */
int rung_scope_error(void);

/* ---- groups ----------------------------------------------------------------------------- */

/* A scope that waits for its goroutines. The first that gives back an error cancels the others. */
struct rung_group {
    rung_scope scope;
    uintptr_t rung_private[8];
};

void rung_group_open(rung_group *group, int64_t timeout_ns);

/*
 * Starts a goroutine in the group. Errors as rung_go; -ECANCELED once the group has ended, -EINVAL for no
 * group. One that is not open: panic. Any thread.
 */
int rung_group_go(rung_group *group, rung_function *fn, void *arg);

/*
 * Waits for all of them and closes the scope. Gives back the first error that one of them gave
 * back, or why the scope ended (-ECANCELED after rung_group_cancel, though all went well). The wait
 * itself cannot be cut short: it ends the goroutines and waits on. The goroutine, or plain thread, that opened it.
 */
int rung_group_wait(rung_group *group);

/* Ends the group early. The group's goroutines, and any thread, may call it. */
void rung_group_cancel(rung_group *group);

/* ---- locks ------------------------------------------------------------------------------ */

/*
 * rung_mutex_lock cannot fail, under no scope: after it the lock is held, always. Who wants to give
 * up with the scope calls rung_mutex_lock_scoped, whose value the compiler makes him look at.
 * Unlocking ends with a look at the mutex, which others may have locked by then: so the last user of something cannot
 * free it by a count that a mutex within it guards. (Counts of its own, or any of the other locks here, will do.)
 */
typedef struct rung_mutex {
    uintptr_t rung_private[3];
} rung_mutex;

void rung_mutex_lock(rung_mutex *mutex);
int rung_mutex_lock_scoped(rung_mutex *mutex) RUNG_MUST_CHECK; /* 0, -ECANCELED, -ETIMEDOUT */
bool rung_mutex_try_lock(rung_mutex *mutex) RUNG_MUST_CHECK;
void rung_mutex_unlock(rung_mutex *mutex); /* not locked: panic */

/* Many readers or one writer; a waiting writer keeps new readers out. */
typedef struct rung_rwmutex {
    uintptr_t rung_private[4];
} rung_rwmutex;

void rung_rwmutex_lock(rung_rwmutex *rwmutex);
int rung_rwmutex_lock_scoped(rung_rwmutex *rwmutex) RUNG_MUST_CHECK;
bool rung_rwmutex_try_lock(rung_rwmutex *rwmutex) RUNG_MUST_CHECK;
void rung_rwmutex_unlock(rung_rwmutex *rwmutex);
void rung_rwmutex_read_lock(rung_rwmutex *rwmutex);
int rung_rwmutex_read_lock_scoped(rung_rwmutex *rwmutex) RUNG_MUST_CHECK;
bool rung_rwmutex_try_read_lock(rung_rwmutex *rwmutex) RUNG_MUST_CHECK;
void rung_rwmutex_read_unlock(rung_rwmutex *rwmutex);

typedef struct rung_cond {
    uintptr_t rung_private[3];
} rung_cond;

/*
 * Unlocks, parks until signalled, locks again. The mutex is held when it returns, whatever it
 * gives back: 0, -ECANCELED, -ETIMEDOUT. Wake-ups are never spurious, but the condition may have
 * changed: call it in a loop.
 */
int rung_cond_wait(rung_cond *cond, rung_mutex *mutex);
void rung_cond_signal(rung_cond *cond);
void rung_cond_broadcast(rung_cond *cond);

/* A counting semaphore; starts at 0, raise it with release. First come, first served. */
typedef struct rung_sema {
    uintptr_t rung_private[4];
} rung_sema;

int rung_sema_acquire(rung_sema *sema, uint32_t count) RUNG_MUST_CHECK;
bool rung_sema_try_acquire(rung_sema *sema, uint32_t count) RUNG_MUST_CHECK;
void rung_sema_release(rung_sema *sema, uint32_t count);

/* A count to wait for. Once it is zero it may be raised anew as soon as all who waited for that are back, and not before. */
typedef struct rung_waitgroup {
    uintptr_t rung_private[3];
} rung_waitgroup;

void rung_waitgroup_add(rung_waitgroup *waitgroup, int32_t count); /* below zero, or 2^30: panic */
void rung_waitgroup_done(rung_waitgroup *waitgroup);
int rung_waitgroup_wait(rung_waitgroup *waitgroup); /* 0 when at zero; -ECANCELED, -ETIMEDOUT */

typedef struct rung_once {
    uintptr_t rung_private[4];
} rung_once;

/* Runs fn(arg) in the first call; the others wait for its end, under no scope. */
void rung_once_do(rung_once *once, void (*fn)(void *arg), void *arg);

/* ---- goroutine-local values ------------------------------------------------------------- */

typedef uint32_t rung_local;

/*
 * Makes a key; at most 64 live in a process (-EAGAIN). `destroy`, if any, gets each value that is
 * not NULL when its goroutine ends, on that goroutine; what such a call sets is destroyed by the next. Keys are for
 * ever. A plain thread has values of its own.
 */
int rung_local_open(rung_local *key, void (*destroy)(void *value));
void *rung_local_get(rung_local key);
int rung_local_set(rung_local key, void *value); /* 0, -ENOMEM, -EINVAL (no such key) */

#ifdef __cplusplus
}
#endif
#endif
