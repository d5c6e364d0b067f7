/* SPDX-License-Identifier: MIT */
/*
 * An acceptor with 64 descriptors and 200 clients uses next to no CPU while there is none left, and goes on within 2 s of
 * some being free again; all clients are served in the end.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rung_net.h>

#include "../test.h"

enum { CLIENTS = 200, LIMIT = 64 };

static char address[RUNG_ADDRESS_TEXT];
static rung_fd held[LIMIT];
static atomic_int held_count, served, laps;
static rung_chan *release;

static int64_t cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* Another process, with descriptors enough: connects all, and waits until each has got its byte. */
static int clients(void *arg)
{
    static rung_fd fds[CLIENTS];
    char byte;
    (void)arg;
    for (int i = 0; i < CLIENTS; i++)
        EXPECT((fds[i] = rung_dial(address, NULL)) >= 0);
    for (int i = 0; i < CLIENTS; i++)
        EXPECT_EQ(rung_read(fds[i], &byte, 1), 1);
    return 0;
}

/* Holds what it accepts until it is told to let go; from then on each is served at once. */
static int accept_all(void *arg)
{
    rung_fd listener = *(rung_fd *)arg;
    bool holds = true;
    while (served < CLIENTS) {
        rung_fd fd = rung_accept(listener, NULL);
        EXPECT(fd >= 0);
        holds = holds && rung_try_recv(release, NULL) == -EAGAIN;
        if (holds) {
            held[held_count++] = fd;
            continue;
        }
        EXPECT_EQ(rung_write(fd, "x", 1), 1);
        EXPECT_EQ(rung_close(fd), 0);
        served++;
    }
    return 0;
}

/* Tenths of a second as this process has them: where the machine stands still nothing is counted. */
static int count_laps(void *arg)
{
    (void)arg;
    while (served < CLIENTS) {
        EXPECT_EQ(rung_sleep(RUNG_MILLISECONDS(100)), 0);
        laps++;
    }
    return 0;
}

static int app(void *arg)
{
    rung_fd listener = *(rung_fd *)arg;
    rung_group group;
    const struct rlimit limit = { LIMIT, LIMIT };
    EXPECT_EQ(rung_chan_open(&release, 0, 1), 0);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    rung_group_open(&group, RUNG_FOREVER);
    EXPECT_EQ(rung_group_go(&group, accept_all, &listener), 0);
    for (int number; (number = dup(0)) >= 0; EXPECT_EQ(rung_sleep(RUNG_MILLISECONDS(100)), 0)) /* until none is left */
        close(number);
    int64_t cpu = cpu_ns(), begin = rung_now();
    EXPECT_EQ(rung_sleep(RUNG_SECONDS(1)), 0);
    cpu = cpu_ns() - cpu;
    int64_t slept = rung_now() - begin;
    printf("%d accepted, then %.1f %% of a CPU\n", held_count, 100.0 * (double)cpu / (double)slept);
    EXPECT(cpu < slept / 20);
    begin = rung_now();
    EXPECT_EQ(rung_group_go(&group, count_laps, NULL), 0);
    EXPECT_EQ(rung_send(release, NULL), 0);
    for (int i = 0; i < held_count; i++) {
        EXPECT_EQ(rung_write(held[i], "x", 1), 1);
        EXPECT_EQ(rung_close(held[i]), 0);
        served++;
    }
    EXPECT_EQ(rung_group_wait(&group), 0);
    printf("all served %.0f ms after some were free\n", (double)(rung_now() - begin) / 1e6);
    EXPECT(laps <= 20);
    rung_chan_free(release);
    return rung_close(listener);
}

int main(void)
{
    int ports[2], status;
    char text[RUNG_ADDRESS_TEXT] = "";
    EXPECT_EQ(pipe(ports), 0);
    pid_t child = fork(); /* before anything of rung's */
    EXPECT(child >= 0);
    if (child == 0) {
        EXPECT(read(ports[0], address, sizeof address) > 0);
        _exit(rung_run(clients, NULL) != 0);
    }
    rung_address bound;
    rung_fd listener = rung_listen("127.0.0.1:0", NULL);
    EXPECT(listener >= 0);
    EXPECT_EQ(rung_local_address(listener, &bound), 0);
    EXPECT(rung_address_format(&bound, text, sizeof text) > 0);
    EXPECT_EQ(write(ports[1], text, sizeof text), (int)sizeof text);
    EXPECT_EQ(rung_run(app, &listener), 0);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return 0;
}
