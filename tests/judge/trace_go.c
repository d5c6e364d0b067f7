/* SPDX-License-Identifier: MIT */
/*
 * trace_go.c: what Go's own tests of its trace do, done with rung; trace_go.py checks the same things. `trace_go PLAY FILE MS`:
 * the trace goes to FILE, with a new generation each MS milliseconds (0: a second). samples are in trace_play.c.
 */
#include "run/common.h"

#include <errno.h>
#include <pthread.h>
#include <rung.h>
#include <rung_debug.h>
#include <rung_net.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *file;
static int64_t every;

static void start_trace(const char *path)
{
    rung_trace_options options = { .path = path, .generation_ns = every };
    EXPECT_EQ(rung_trace_start(&options), 0);
}

static void stop_trace(void)
{
    EXPECT_EQ(rung_trace_stop(), 0);
}

/* ---- futile: who is woken does not find that somebody else was faster ---- */

enum { PAIRS = 2, ROUNDS = 1000 };
static rung_chan *plain, *first, *second;

static void in_turns(int (*step)(void))
{
    rung_region region;
    rung_region_begin(&region, 0, "special");
    for (int i = 0; i < ROUNDS; i++) {
        rung_yield();
        EXPECT(step() >= 0);
        rung_log(0, "step", "done"); /* a yield to nobody leaves no trace */
    }
    EXPECT_EQ(rung_region_end(&region), 0);
}

static int send_plain(void) { return rung_send(plain, NULL); }
static int recv_plain(void) { return rung_recv(plain, NULL); }
static int send_either(void)
{
    rung_case cases[] = { RUNG_CASE_SEND(first, NULL), RUNG_CASE_SEND(second, NULL) };
    return rung_select(cases, 2);
}
static int recv_either(void)
{
    rung_case cases[] = { RUNG_CASE_RECV(first, NULL), RUNG_CASE_RECV(second, NULL) };
    return rung_select(cases, 2);
}
static int plain_sender(void *arg) { (void)arg; in_turns(send_plain); return 0; }
static int plain_receiver(void *arg) { (void)arg; in_turns(recv_plain); return 0; }
static int either_sender(void *arg) { (void)arg; in_turns(send_either); return 0; }
static int either_receiver(void *arg) { (void)arg; in_turns(recv_either); return 0; }

static int futile(void)
{
    static rung_function *const players[] = { plain_sender, plain_receiver, either_sender, either_receiver };
    rung_group group;
    start_trace(file);
    EXPECT_EQ(rung_chan_open(&plain, 0, 1), 0);
    EXPECT_EQ(rung_chan_open(&first, 0, 1), 0);
    EXPECT_EQ(rung_chan_open(&second, 0, 1), 0);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < PAIRS * 4; i++)
        EXPECT_EQ(rung_group_go(&group, players[i % 4], NULL), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    stop_trace();
    return 0;
}

/* ---- pipe: in the kernel since before the trace, for generations, and back while it is on ---- */

static int ends[2];
static atomic_bool is_reading; /* or about to */

static int kernel_reader(void *arg)
{
    char byte;
    (void)arg;
    is_reading = true;
    EXPECT_EQ(read(ends[0], &byte, 1), 1);
    return rung_send(plain, NULL);
}

static int wait_on_pipe(void)
{
    EXPECT_EQ(pipe(ends), 0);
    EXPECT_EQ(rung_chan_open(&plain, 0, 0), 0);
    EXPECT_EQ(rung_go(kernel_reader, NULL), 0);
    while (!is_reading) /* it has the only processor, until it sleeps there */
        rung_yield();
    start_trace(file);
    rung_sleep(MS(100));
    EXPECT_EQ(write(ends[1], "x", 1), 1);
    EXPECT_EQ(rung_recv(plain, NULL), 1); /* it runs again */
    stop_trace();
    return 0;
}

/* ---- annotations: of before, within and after the trace ---- */

static int task_worker(void *arg)
{
    rung_task task = *(rung_task *)arg;
    rung_region unended, outer, inner;
    rung_region_begin(&unended, task, "unended region");
    rung_region_begin(&outer, task, "region0");
    rung_region_begin(&inner, task, "region1");
    rung_log(task, "key0", "0123456789abcdef");
    EXPECT_EQ(rung_region_end(&inner), 0);
    EXPECT_EQ(rung_region_end(&outer), 0);
    rung_task_end(task);
    return 0;
}

static int annotations(void)
{
    rung_region before, after, unended;
    rung_group group;
    rung_region_begin(&before, 0, "pre-existing region");
    start_trace(file);
    rung_task task = rung_task_begin("task0", 0);
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, task_worker, &task), 0);
    EXPECT_EQ(rung_group_wait(&group), 0);
    EXPECT_EQ(rung_region_end(&before), 0);
    rung_region_begin(&after, 0, "post-existing region");
    rung_region_begin(&unended, task, "task0 region");
    stop_trace();
    EXPECT_EQ(rung_region_end(&unended), 0);
    EXPECT_EQ(rung_region_end(&after), 0);
    return 0;
}

/* ---- annotations_stress: tasks within tasks, some from before the trace, some to after it ---- */

struct fan {
    rung_task task;
    int number;
    rung_waitgroup *ended;
};

static int fan_out(rung_task parent, int width);

static int fan_member(void *arg)
{
    struct fan fan = *(struct fan *)arg;
    char name[32];
    rung_region region;
    snprintf(name, sizeof name, "region%d", fan.number);
    rung_region_begin(&region, fan.task, name);
    rung_log(fan.task, "log", name);
    if (fan.number == 2)
        EXPECT_EQ(fan_out(fan.task, 0), 0);
    EXPECT_EQ(rung_region_end(&region), 0);
    rung_waitgroup_done(fan.ended);
    return 0;
}

static int fan_out(rung_task parent, int width)
{
    rung_region region;
    rung_waitgroup ended = { 0 };
    rung_log(parent, "log", "before do");
    rung_task task = rung_task_begin("do", parent);
    rung_log(task, "log2", "do");
    rung_region_begin(&region, task, "fanout");
    rung_waitgroup_add(&ended, width);
    for (int i = 0; i < width; i++) {
        struct fan fan = { task, i, &ended };
        EXPECT_EQ(rung_go_copy(fan_member, &fan, sizeof fan), 0);
    }
    EXPECT_EQ(rung_region_end(&region), 0);
    rung_sleep(MS(10)); /* for a generation to end */
    EXPECT_EQ(rung_waitgroup_wait(&ended), 0);
    rung_task_end(task);
    return 0;
}

static int annotations_stress(void)
{
    rung_task outside = rung_task_begin("parent", 0), before = rung_task_begin("type1", outside);
    start_trace(file);
    rung_task_end(before);
    rung_task after = rung_task_begin("type2", outside), within = rung_task_begin("type3", 0);
    const struct fan fans[] = { { 0, 4, NULL }, { outside, 2, NULL }, { before, 3, NULL }, { after, 6, NULL }, { within, 5, NULL } };
    for (size_t i = 0; i < 2 * sizeof fans / sizeof fans[0]; i++)
        EXPECT_EQ(fan_out(fans[i % 5].task, fans[i % 5].number), 0);
    rung_task_end(within);
    stop_trace();
    rung_task_end(after);
    rung_task_end(outside);
    return 0;
}

/* ---- stress: goroutines in every state as the trace begins, and a bit of everything while it is on ---- */

static rung_chan *over;

static int until_over(void *arg)
{
    (void)arg;
    return rung_recv(over, NULL);
}

static int kernel_until_over(void *arg)
{
    char byte;
    EXPECT_EQ(read(ends[0], &byte, 1), 1);
    return until_over(arg);
}

static int pinned_yielder(void *arg)
{
    (void)arg;
    rung_pin();
    while (rung_try_recv(over, NULL) == -EAGAIN)
        rung_yield();
    rung_unpin();
    return 0;
}

static int worker(void *arg)
{
    char *bytes = calloc(1, 1 << 16);
    for (int i = 0; i < 1 << 16; i++)
        bytes[i]++;
    free(bytes);
    return until_over(arg);
}

static int server(void *arg)
{
    rung_fd connection = rung_accept(*(rung_fd *)arg, NULL);
    wait_parked("IO wait", 1); /* who reads */
    EXPECT_EQ(rung_write(connection, "x", 1), 1);
    return rung_close(connection);
}

static void some_network(rung_group *group)
{
    static rung_fd listener;
    rung_address address;
    char text[RUNG_ADDRESS_TEXT], byte;
    listener = rung_listen("127.0.0.1:0", NULL);
    EXPECT_EQ(rung_local_address(listener, &address), 0);
    EXPECT(rung_address_format(&address, text, sizeof text) > 0);
    EXPECT_EQ(rung_group_go(group, server, &listener), 0);
    rung_fd connection = rung_dial(text, NULL);
    EXPECT_EQ(rung_read(connection, &byte, 1), 1);
    EXPECT_EQ(rung_close(connection), 0);
    EXPECT_EQ(rung_close(listener), 0);
}

static int forever(void *arg)
{
    (void)arg;
    rung_yield();
    return rung_select(NULL, 0) == -ECANCELED ? 0 : 1;
}

static int stress(void)
{
    rung_group group;
    rung_timer *timer;
    EXPECT_EQ(pipe(ends), 0);
    EXPECT_EQ(rung_chan_open(&over, 0, 0), 0);
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, until_over, NULL), 0);
    EXPECT_EQ(rung_group_go(&group, kernel_until_over, NULL), 0);
    rung_sleep(MS(1));
    start_trace(file);
    rung_sleep(MS(50)); /* processors stop */
    EXPECT_EQ(rung_group_go(&group, pinned_yielder, NULL), 0);
    for (int i = 0; i < 10; i++)
        EXPECT_EQ(rung_group_go(&group, worker, NULL), 0);
    EXPECT_EQ(rung_group_go(&group, kernel_until_over, NULL), 0);
    EXPECT_EQ(rung_timer_open(&timer, MS(1), 0), 0);
    EXPECT_EQ(rung_recv(rung_timer_chan(timer), NULL), 1);
    rung_timer_close(timer);
    some_network(&group);
    EXPECT_EQ(rung_go(forever, NULL), 0);
    wait_parked("forever", 1);
    EXPECT_EQ(write(ends[1], "xx", 2), 2);
    rung_chan_close(over);
    EXPECT_EQ(rung_group_wait(&group), 0);
    stop_trace();
    return 0;
}

/* ---- starts: many traces, one after the other, of all of the above ---- */

static int starts(void)
{
    char path[4096];
    rung_group group;
    EXPECT_EQ(pipe(ends), 0);
    EXPECT_EQ(rung_chan_open(&over, 0, 0), 0);
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, kernel_until_over, NULL), 0);
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(rung_group_go(&group, pinned_yielder, NULL), 0);
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof path, "%s.%d", file, i);
        start_trace(path);
        EXPECT_EQ(rung_group_go(&group, worker, NULL), 0);
        rung_sleep(i % 2 == 0 ? MS(3) : 0);
        stop_trace();
    }
    EXPECT_EQ(write(ends[1], "x", 1), 1);
    rung_chan_close(over);
    return rung_group_wait(&group);
}

/* ---- crowd: many descriptors become ready at once, of some of which the reader is busy, takes what came, and waits again ---- */

enum { CROWD = 24, TURNS = 20 };

static int echo(void *fd)
{
    char byte;
    while (rung_read(*(rung_fd *)fd, &byte, 1) == 1)
        EXPECT_EQ(rung_write(*(rung_fd *)fd, &byte, 1), 1);
    return 0;
}

static int asker(void *fd)
{
    char byte = 'x';
    for (int i = 0; i < TURNS; i++) {
        EXPECT_EQ(rung_write(*(rung_fd *)fd, &byte, 1), 1);
        while (i % 2 == 0 && recv(rung_fd_number(*(rung_fd *)fd), &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
            usleep(20);
        EXPECT_EQ(rung_read(*(rung_fd *)fd, &byte, 1), 1);
    }
    return rung_shutdown(*(rung_fd *)fd, RUNG_WRITE);
}

static int crowd(void)
{
    static rung_fd pairs[CROWD][2];
    rung_group group;
    start_trace(file);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < CROWD; i++) {
        EXPECT_EQ(rung_socket_pair(RUNG_STREAM, pairs[i]), 0);
        EXPECT_EQ(rung_group_go(&group, echo, &pairs[i][1]), 0);
        EXPECT_EQ(rung_group_go(&group, asker, &pairs[i][0]), 0);
    }
    EXPECT_EQ(rung_group_wait(&group), 0);
    stop_trace();
    for (int i = 0; i < CROWD; i++) {
        EXPECT_EQ(rung_close(pairs[i][0]), 0);
        EXPECT_EQ(rung_close(pairs[i][1]), 0);
    }
    return 0;
}

static const struct {
    const char *name;
    int (*play)(void);
} plays[] = { { "futile", futile }, { "pipe", wait_on_pipe }, { "annotations", annotations },
              { "annotations_stress", annotations_stress }, { "stress", stress }, { "starts", starts },
              { "crowd", crowd } };

static int run(void *play)
{
    for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++)
        if (strcmp(play, plays[i].name) == 0)
            return plays[i].play();
    return -ENOENT;
}

int main(int count, char **arguments)
{
    EXPECT_EQ(count, 4);
    file = arguments[2];
    every = MS(atoi(arguments[3]));
    return rung_run(run, arguments[1]) != 0;
}
