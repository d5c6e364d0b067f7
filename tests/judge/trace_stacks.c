/* SPDX-License-Identifier: MIT */
/*
 * trace_stacks.c: each operation that a trace shows with a stack, once. A comment that begins with @ names the row of
 * trace_stacks.py that expects this very line in the stack.
 */
#include "run/common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <rung.h>
#include <rung_debug.h>
#include <rung_net.h>
#include <rung_process.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#if defined(__aarch64__) /* where there is no libdw to tell of what was inlined */
#define STEP __attribute__((__noinline__)) static void
#else
#define STEP static void
#endif

/* Waits until who was started has parked, or is in the kernel, or has ended. */
static void settle(void)
{
    bool is_settled = false;
    while (!is_settled) {
        rung_sleep(MS(3));
        char *dump = dump_text();
        is_settled = dump_count(dump, "runnable") + dump_count(dump, "running") == 1; /* this one */
        free(dump);
    }
}

static rung_chan *chan, *full, *other;
static rung_mutex mutex;
static rung_rwmutex rwmutex, rwmutex_read;
static rung_waitgroup waitgroup;
static rung_cond cond, cond_all;
static rung_mutex cond_mutex;
static rung_sema sema;
static atomic_int yielders;

enum { YIELDERS = 8 };

/* ---- what parks: called by a function that the goroutine begins with, so that the root is not the leaf's caller ---- */

#define ROW(name) \
    static int row_##name(void *arg) \
    { \
        (void)arg; \
        do_##name(); /* @root */ \
        return 0; \
    }

STEP do_yield(void)
{
    atomic_fetch_add(&yielders, 1);
    while (yielders < YIELDERS)
        rung_yield(); /* @yield */
}
ROW(yield)
static int row_created(void *arg) { (void)arg; return 0; }
STEP do_go(void) { EXPECT_EQ(rung_go(row_created, NULL), 0); } /* @go */
ROW(go)
STEP do_select_none(void) { rung_select(NULL, 0); } /* @select_none */
ROW(select_none)
STEP do_send_null(void) { rung_send(NULL, NULL); } /* @send_null */
ROW(send_null)
STEP do_recv_null(void) { rung_recv(NULL, NULL); } /* @recv_null */
ROW(recv_null)
STEP do_recv(void) { EXPECT_EQ(rung_recv(chan, NULL), 1); } /* @recv */
ROW(recv)
STEP do_send(void) { EXPECT_EQ(rung_send(full, NULL), 0); } /* @send */
ROW(send)
STEP do_select(void)
{
    rung_case cases[] = { RUNG_CASE_RECV(other, NULL), RUNG_CASE_RECV(NULL, NULL) };
    EXPECT_EQ(rung_select(cases, 2), 0); /* @select */
}
ROW(select)
STEP do_mutex(void)
{
    rung_mutex_lock(&mutex); /* @mutex */
    rung_mutex_unlock(&mutex);
}
ROW(mutex)
STEP do_rwmutex(void)
{
    rung_rwmutex_lock(&rwmutex); /* @rwmutex */
    rung_rwmutex_unlock(&rwmutex);
}
ROW(rwmutex)
STEP do_rwmutex_read(void)
{
    rung_rwmutex_read_lock(&rwmutex_read); /* @rwmutex_read */
    rung_rwmutex_read_unlock(&rwmutex_read);
}
ROW(rwmutex_read)
STEP do_waitgroup(void) { EXPECT_EQ(rung_waitgroup_wait(&waitgroup), 0); } /* @waitgroup */
ROW(waitgroup)
STEP do_cond(void)
{
    rung_mutex_lock(&cond_mutex);
    EXPECT_EQ(rung_cond_wait(&cond, &cond_mutex), 0); /* @cond */
    rung_mutex_unlock(&cond_mutex);
}
ROW(cond)
STEP do_cond_all(void)
{
    rung_mutex_lock(&cond_mutex);
    EXPECT_EQ(rung_cond_wait(&cond_all, &cond_mutex), 0); /* @cond_all */
    rung_mutex_unlock(&cond_mutex);
}
ROW(cond_all)
STEP do_sema(void) { EXPECT_EQ(rung_sema_acquire(&sema, 1), 0); } /* @sema */
ROW(sema)
STEP do_sleep(void) { EXPECT_EQ(rung_sleep(MS(1)), 0); } /* @sleep */
ROW(sleep)
STEP do_pinned(void)
{
    rung_pin();
    EXPECT_EQ(rung_sleep(MS(1)), 0); /* @pinned */
    rung_unpin();
}
ROW(pinned)
static int row_member(void *arg) { (void)arg; return rung_sleep(MS(1)); }
STEP do_group(void)
{
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, row_member, NULL), 0); /* @group_go */
    EXPECT_EQ(rung_group_wait(&group), 0); /* @group */
}
ROW(group)
STEP do_timer(void)
{
    rung_timer *timer;
    EXPECT_EQ(rung_timer_open(&timer, MS(1), 0), 0);
    EXPECT_EQ(rung_recv(rung_timer_chan(timer), NULL), 1); /* @timer */
    rung_timer_close(timer);
}
ROW(timer)
STEP do_scope(void)
{
    rung_scope scope;
    rung_scope_open(&scope, MS(1));
    EXPECT_EQ(rung_sleep(MS(1000)), -ETIMEDOUT); /* @scope */
    rung_scope_close(&scope);
}
ROW(scope)
STEP do_blocking(void)
{
    struct timespec nap = { .tv_nsec = 2000000 };
    rung_blocking_begin(); /* @blocking */
    nanosleep(&nap, NULL);
    rung_blocking_end();
}
ROW(blocking)

/* The API calls the user's code: what that calls is the leaf, and the API's call is in the middle. */
static void once_only(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(MS(1)), 0); /* @once */
}
STEP do_once(void)
{
    static rung_once once;
    rung_once_do(&once, once_only, NULL); /* @once_do */
}
ROW(once)

/* ---- what wakes ---- */

static void start(rung_function *row)
{
    EXPECT_EQ(rung_go(row, NULL), 0);
    settle();
}

STEP wake_recv(void) { EXPECT_EQ(rung_send(chan, NULL), 0); } /* @wake_recv */
STEP wake_send(void) { EXPECT_EQ(rung_recv(full, NULL), 1); } /* @wake_send */
STEP wake_select(void) { EXPECT_EQ(rung_send(other, NULL), 0); } /* @wake_select */
STEP wake_mutex(void) { rung_mutex_unlock(&mutex); } /* @wake_mutex */
STEP wake_rwmutex(void) { rung_rwmutex_unlock(&rwmutex); } /* @wake_rwmutex */
STEP wake_rwmutex_read(void) { rung_rwmutex_unlock(&rwmutex_read); } /* @wake_rwmutex_read */
STEP wake_waitgroup(void) { rung_waitgroup_done(&waitgroup); } /* @wake_waitgroup */
STEP wake_cond(void) { rung_cond_signal(&cond); } /* @wake_cond */
STEP wake_cond_all(void) { rung_cond_broadcast(&cond_all); } /* @wake_cond_all */
STEP wake_sema(void) { rung_sema_release(&sema, 1); } /* @wake_sema */

static rung_scope outer;
STEP do_cancelled(void)
{
    rung_scope_open(&outer, RUNG_FOREVER);
    EXPECT_EQ(rung_sleep(MS(10000)), -ECANCELED); /* @cancelled */
    rung_scope_close(&outer);
}
ROW(cancelled)
STEP wake_cancelled(void) { rung_scope_cancel(&outer); } /* @wake_cancelled */

/* ---- who keeps a processor: taken from in a loop, and in the kernel ---- */

static atomic_bool is_over;
STEP do_hog(void)
{
    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) continue; /* @hog */
    rung_yield();
}
ROW(hog)
enum { READS = 5 };
static void *write_later(void *end)
{
    struct timespec nap = { .tv_nsec = 10000000 };
    for (int i = 0; i < READS; i++) {
        nanosleep(&nap, NULL);
        EXPECT_EQ(write(*(int *)end, "x", 1), 1);
    }
    return NULL;
}
STEP do_kernel(void)
{
    int ends[2];
    char byte;
    pthread_t thread;
    EXPECT_EQ(pipe(ends), 0);
    EXPECT_EQ(pthread_create(&thread, NULL, write_later, &ends[1]), 0);
    for (int i = 0; i < READS; i++) {
        EXPECT_EQ(read(ends[0], &byte, 1), 1); /* @kernel */
        rung_yield();
    }
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    close(ends[0]);
    close(ends[1]);
}
ROW(kernel)
STEP do_nap(void)
{
    struct timespec nap = { .tv_nsec = 20000000 }, left = { 0, 0 };
    EXPECT_EQ(nanosleep(&nap, &left), 0);
    rung_yield();
}
ROW(nap)

/* ---- descriptors ---- */

static rung_fd listener, pair[2], ends[2];
static char listens_at[RUNG_ADDRESS_TEXT], is_full_at[RUNG_ADDRESS_TEXT];

STEP do_accept(void) { EXPECT_EQ(rung_close(rung_accept(listener, NULL)), 0); } /* @accept */
ROW(accept)
STEP do_read(void)
{
    char byte;
    EXPECT_EQ(rung_read(pair[0], &byte, 1), 1); /* @read */
}
ROW(read)
STEP do_write(void)
{
    static char bytes[4 << 20];
    EXPECT(rung_write_full(pair[0], bytes, sizeof bytes) < 0); /* @write */
}
ROW(write)
STEP do_connect(void)
{
    rung_scope scope;
    rung_scope_open(&scope, MS(5));
    EXPECT_EQ(rung_dial(is_full_at, NULL), -ETIMEDOUT); /* @connect */
    rung_scope_close(&scope);
}
ROW(connect)
STEP do_resolve(void)
{
    rung_address address;
    (void)rung_resolve("localhost:80", &address, 1); /* @resolve */
}
ROW(resolve)
STEP do_pipe(void)
{
    char byte;
    EXPECT_EQ(rung_read(ends[0], &byte, 1), 1); /* @pipe */
}
ROW(pipe)
STEP do_fd_wait(void) { EXPECT_EQ(rung_fd_wait(ends[0], RUNG_READ), RUNG_READ); } /* @fd_wait */
ROW(fd_wait)
STEP do_file(void)
{
    rung_fd file = rung_file_open("/proc/self/exe", O_RDONLY, 0);
    EXPECT_EQ(rung_file_sync(file), 0); /* @file */
    EXPECT_EQ(rung_close(file), 0);
}
ROW(file)
static atomic_bool has_waited; /* for the last that comes by itself */
STEP do_process(void)
{
    static const char *const command[] = { "sleep", "0.02", NULL };
    rung_process process;
    int status;
    EXPECT_EQ(rung_spawn(&process, command, NULL), 0);
    EXPECT_EQ(rung_process_wait(&process, &status), 0); /* @process */
    has_waited = true;
}
ROW(process)

/* A listener whose queue is full: who connects to it waits. */
static void fill_listener(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof address;
    int full_listener = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(bind(full_listener, (struct sockaddr *)&address, bytes), 0);
    EXPECT_EQ(listen(full_listener, 0), 0);
    EXPECT_EQ(getsockname(full_listener, (struct sockaddr *)&address, &bytes), 0);
    for (int i = 0; i < 4; i++)
        (void)connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&address, bytes);
    snprintf(is_full_at, sizeof is_full_at, "127.0.0.1:%d", ntohs(address.sin_port));
}

static void start(rung_function *row);

static void descriptors(void)
{
    rung_address address;
    listener = rung_listen("127.0.0.1:0", NULL);
    EXPECT_EQ(rung_local_address(listener, &address), 0);
    EXPECT(rung_address_format(&address, listens_at, sizeof listens_at) > 0);
    start(row_accept);
    EXPECT_EQ(rung_close(rung_dial(listens_at, NULL)), 0);
    EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pair), 0);
    start(row_read);
    EXPECT_EQ(rung_write(pair[1], "x", 1), 1);
    start(row_write);
    EXPECT_EQ(rung_close(pair[1]), 0);
    fill_listener();
    start(row_connect);
    start(row_resolve);
    EXPECT_EQ(rung_pipe(ends), 0);
    start(row_pipe);
    EXPECT_EQ(rung_write(ends[1], "x", 1), 1);
    settle();
    start(row_fd_wait);
    EXPECT_EQ(rung_write(ends[1], "x", 1), 1);
    start(row_file);
    start(row_process);
    while (!has_waited)
        rung_sleep(MS(5));
}

static int app(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_chan_open(&chan, 0, 0), 0);
    EXPECT_EQ(rung_chan_open(&full, 0, 0), 0);
    EXPECT_EQ(rung_chan_open(&other, 0, 0), 0);
    for (int i = 0; i < YIELDERS; i++)
        EXPECT_EQ(rung_go(row_yield, NULL), 0);
    settle();
    start(row_go);
    start(row_select_none);
    start(row_send_null);
    start(row_recv_null);
    start(row_recv);
    wake_recv(); /* @app_recv */
    start(row_send);
    wake_send(); /* @app_send */
    start(row_select);
    wake_select(); /* @app_select */
    rung_mutex_lock(&mutex);
    start(row_mutex);
    wake_mutex(); /* @app_mutex */
    rung_rwmutex_lock(&rwmutex);
    start(row_rwmutex);
    wake_rwmutex(); /* @app_rwmutex */
    rung_rwmutex_lock(&rwmutex_read);
    start(row_rwmutex_read);
    wake_rwmutex_read(); /* @app_rwmutex_read */
    rung_waitgroup_add(&waitgroup, 1);
    start(row_waitgroup);
    wake_waitgroup(); /* @app_waitgroup */
    start(row_cond);
    wake_cond(); /* @app_cond */
    start(row_cond_all);
    wake_cond_all(); /* @app_cond_all */
    start(row_sema);
    wake_sema(); /* @app_sema */
    start(row_cancelled);
    wake_cancelled(); /* @app_cancelled */
    start(row_sleep);
    start(row_pinned);
    start(row_group);
    start(row_timer);
    start(row_scope);
    start(row_blocking);
    start(row_once);
    for (int i = 0; i < 4; i++) /* more than processors: taken is what others wait for */
        EXPECT_EQ(rung_go(row_hog, NULL), 0);
    rung_sleep(MS(200));
    is_over = true;
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(rung_go(row_kernel, NULL), 0);
    rung_sleep(MS(100));
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(rung_go(row_nap, NULL), 0);
    rung_sleep(MS(100));
    descriptors();
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
