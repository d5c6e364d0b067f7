/* SPDX-License-Identifier: MIT */
/*
 * Many connections to echoes that do what connections do: random chunks, half-closes, resets, slow readers, deadlines of 50 ms,
 * handles that others close, and echoes in other processes that are stopped and continued all the time. What comes
 * back whole is the same; no goroutine and no descriptor is left, here and there. In the long form 10,000 are open at once.
 *
 * test-timeout: 120
 */
#include "net.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { CLIENTS = 300, AT_ONCE = 100, LONG_CLIENTS = 10000, MOST = 60000, CHILDREN = 2 };
enum fate { WHOLE, RESET, VANISH, SLOW, DEADLINE, CLOSED_BY_OTHER, FATES };

/* A process with an echo of its own. */
static struct child {
    pid_t process;
    int hold; /* as long as this end of a pipe is open, it serves */
    char address[RUNG_ADDRESS_TEXT];
} children[CHILDREN];

static char own_address[RUNG_ADDRESS_TEXT];
static rung_sema slots;
static rung_waitgroup dialled;
static rung_chan *gate; /* closed: live */
static atomic_int count_of[FATES], count_of_deadlines;
static atomic_bool is_over;

static int serve(void *arg)
{
    rung_fd fd = *(rung_fd *)arg;
    char bytes[3000];
    int64_t got;
    while ((got = rung_read(fd, bytes, sizeof bytes)) > 0)
        if ((got = rung_write_full(fd, bytes, (size_t)got)) < 0)
            break;
    EXPECT(got == 0 || got == -ECONNRESET || got == -EPIPE);
    return rung_close(fd);
}

static int accept_all(void *arg)
{
    rung_fd fd;
    while ((fd = rung_accept(*(rung_fd *)arg, NULL)) >= 0)
        EXPECT_EQ(rung_go_copy(serve, &fd, sizeof fd), 0);
    return 0;
}

static int close_later(void *arg)
{
    EXPECT_EQ(rung_sleep(RUNG_MICROSECONDS(300)), 0);
    return rung_close(*(rung_fd *)arg);
}

struct writer {
    rung_fd fd;
    uint64_t seed;
    size_t total;
};

static char pattern(uint64_t seed, size_t at)
{
    return (char)((seed ^ at) * 0x9e3779b97f4a7c15u >> 56);
}

/* All of it, in random chunks, and the end. */
static int write_chunks(void *arg)
{
    struct writer *writer = arg;
    uint64_t state = writer->seed;
    char bytes[5000];
    for (size_t done = 0; done < writer->total;) {
        size_t count = 1 + test_random(&state) % sizeof bytes;
        if (count > writer->total - done)
            count = writer->total - done;
        for (size_t i = 0; i < count; i++)
            bytes[i] = pattern(writer->seed, done + i);
        int64_t put = rung_write_full(writer->fd, bytes, count);
        if (put < 0)
            return put == -ECONNRESET || put == -EPIPE || put == -EBADF || put == -ETIMEDOUT || put == -ECANCELED ? 0 : (int)put;
        done += count;
    }
    (void)rung_shutdown(writer->fd, RUNG_WRITE);
    return 0;
}

/* Reads what comes back, and compares. Gives back how much it was, or the error. */
static int64_t read_back(struct writer *writer, uint64_t *state, bool is_slow, size_t limit)
{
    char bytes[4000];
    size_t done = 0;
    while (done < limit) {
        size_t room = 1 + test_random(state) % sizeof bytes;
        int64_t got = rung_read(writer->fd, bytes, room);
        if (got <= 0)
            return got < 0 ? got : (int64_t)done;
        for (int64_t i = 0; i < got; i++)
            EXPECT_EQ(bytes[i], pattern(writer->seed, done + (size_t)i));
        done += (size_t)got;
        if (is_slow && test_random(state) % 8 == 0)
            (void)rung_sleep(RUNG_MICROSECONDS(200));
    }
    return (int64_t)done;
}

static void live(struct writer *writer, enum fate fate, uint64_t *state)
{
    rung_group group;
    rung_group_open(&group, fate == DEADLINE ? MS(50) : RUNG_FOREVER);
    if (fate == CLOSED_BY_OTHER)
        group_go(&group, close_later, &writer->fd);
    EXPECT(rung_group_go(&group, write_chunks, writer) <= 0);
    size_t limit = fate == RESET || fate == VANISH ? test_random(state) % (writer->total + 1) : SIZE_MAX;
    int64_t got = read_back(writer, state, fate == SLOW, limit);
    if (fate == WHOLE || fate == SLOW)
        EXPECT_EQ(got, writer->total);
    count_of_deadlines += got == -ETIMEDOUT;
    if (fate == RESET)
        (void)rung_option_set(writer->fd, RUNG_LINGER, 0);
    if (fate != WHOLE && fate != SLOW)
        rung_close(writer->fd);
    (void)rung_group_wait(&group);
    rung_close(writer->fd); /* once more is -EBADF, and harmless */
}

static int client(void *arg)
{
    uint64_t state = test_seed() + *(uint64_t *)arg;
    uint64_t server = test_random(&state) % (CHILDREN + 1);
    const char *address = server < CHILDREN ? children[server].address : own_address;
    struct writer writer = { rung_dial(address, NULL), state, test_random(&state) % MOST };
    enum fate fate = (enum fate)(test_random(&state) % FATES);
    EXPECT(writer.fd >= 0);
    rung_waitgroup_done(&dialled);
    EXPECT_EQ(rung_recv(gate, NULL), 0);
    live(&writer, fate, &state);
    atomic_fetch_add(&count_of[fate], 1);
    rung_sema_release(&slots, 1);
    return 0;
}

/* ---- other processes ---- */

static int serve_until_let_go(void *arg)
{
    rung_group servers;
    int *pipes = arg, before = open_sockets();
    char byte;
    rung_fd listener = listen_somewhere(own_address), hold = rung_fd_adopt(pipes[0]);
    EXPECT_EQ(write(pipes[1], own_address, sizeof own_address), (int)sizeof own_address);
    rung_group_open(&servers, RUNG_FOREVER);
    group_go(&servers, accept_all, &listener);
    EXPECT_EQ(rung_read(hold, &byte, 1), 0);
    EXPECT_EQ(rung_close(listener), 0);
    EXPECT_EQ(rung_group_wait(&servers), 0);
    wait_for_sockets(before);
    return 0;
}

/* Before anything of rung's: its threads would be missing in the child. */
static void start_child(struct child *child)
{
    int hold[2], told[2];
    EXPECT(pipe(hold) == 0 && pipe(told) == 0);
    child->process = fork();
    EXPECT(child->process >= 0);
    if (child->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it may be stopped when this test fails */
        close(hold[1]);
        for (struct child *older = children; older < child; older++)
            close(older->hold);
        _exit(rung_run(serve_until_let_go, (int[2]){ hold[0], told[1] }) != 0);
    }
    close(hold[0]);
    close(told[1]);
    child->hold = hold[1];
    EXPECT_EQ(read(told[0], child->address, sizeof child->address), (int)sizeof child->address);
    close(told[0]);
}

static void end_child(struct child *child)
{
    int status;
    close(child->hold);
    EXPECT_EQ(waitpid(child->process, &status, 0), child->process);
    EXPECT_EQ(status, 0);
}

static int stop_and_continue(void *arg)
{
    struct child *child = arg;
    uint64_t state = test_seed() ^ (uint64_t)child->process;
    while (!is_over) {
        EXPECT_EQ(kill(child->process, SIGSTOP), 0);
        EXPECT_EQ(rung_sleep((int64_t)(test_random(&state) % MS(120))), 0);
        EXPECT_EQ(kill(child->process, SIGCONT), 0);
        EXPECT_EQ(rung_sleep((int64_t)(test_random(&state) % MS(60))), 0);
    }
    return 0;
}

/* Its kernel takes the connection, and some bytes, but nothing comes back: a deadline ends both the write and the read. */
static void meet_stopped(const struct child *child)
{
    static const char bytes[MOST];
    rung_scope scope;
    int status;
    int64_t result;
    EXPECT_EQ(kill(child->process, SIGSTOP), 0);
    EXPECT_EQ(waitpid(child->process, &status, WUNTRACED), child->process);
    rung_fd fd = rung_dial(child->address, NULL);
    EXPECT(fd >= 0);
    rung_scope_open(&scope, MS(50));
    do
        result = rung_write_full(fd, bytes, sizeof bytes);
    while (result == MOST);
    rung_scope_close(&scope);
    EXPECT_EQ(result, -ETIMEDOUT);
    rung_scope_open(&scope, MS(50));
    EXPECT_EQ(rung_read(fd, &(char){ 0 }, 1), -ETIMEDOUT);
    rung_scope_close(&scope);
    EXPECT_EQ(kill(child->process, SIGCONT), 0);
    EXPECT_EQ(rung_close(fd), 0);
}

/* ---- the storm ---- */

/* So many clients: some at a time, or all at once, who begin when all have a connection. */
static void run_clients(int count, bool is_at_once)
{
    rung_group clients;
    int at_once = is_at_once ? count : AT_ONCE;
    gate = chan_open(0, 0);
    if (!is_at_once)
        rung_chan_close(gate);
    rung_waitgroup_add(&dialled, count);
    rung_sema_release(&slots, at_once);
    rung_group_open(&clients, RUNG_FOREVER);
    for (uint64_t i = 0; i < (uint64_t)count; i++) {
        rung_go_options options = { .group = &clients, .copy = &i, .copy_size = sizeof i };
        EXPECT_EQ(rung_sema_acquire(&slots, 1), 0);
        EXPECT_EQ(rung_go_with(&options, client, NULL), 0);
    }
    EXPECT_EQ(rung_waitgroup_wait(&dialled), 0);
    if (is_at_once)
        rung_chan_close(gate);
    EXPECT_EQ(rung_group_wait(&clients), 0);
    EXPECT(rung_sema_try_acquire(&slots, at_once));
    rung_chan_free(gate);
}

/* Only this goroutine is left; those of connections may have yet to end. */
static void wait_for_goroutines(void)
{
    rung_statistics statistics;
    for (rung_statistics_read(&statistics); statistics.goroutines > 1; rung_statistics_read(&statistics))
        EXPECT_EQ(rung_sleep(MS(1)), 0);
    EXPECT_EQ(statistics.goroutines, 1);
}

static int app(void *arg)
{
    rung_group servers, stoppers;
    bool is_long = rounds(1) > 1;
    int count = is_long ? LONG_CLIENTS : (int)test_scaled(CLIENTS), before = open_sockets(), total = 0;
    (void)arg;
    rung_fd listener = listen_somewhere(own_address);
    rung_group_open(&servers, RUNG_FOREVER);
    group_go(&servers, accept_all, &listener);
    meet_stopped(&children[0]);
    is_over = false;
    rung_group_open(&stoppers, RUNG_FOREVER);
    for (int i = 0; i < CHILDREN; i++)
        group_go(&stoppers, stop_and_continue, &children[i]);
    run_clients(count, is_long);
    is_over = true;
    EXPECT_EQ(rung_group_wait(&stoppers), 0);
    EXPECT_EQ(rung_close(listener), 0);
    EXPECT_EQ(rung_group_wait(&servers), 0);
    wait_for_sockets(before);
    wait_for_goroutines();
    for (int i = 0; i < FATES; i++)
        total += atomic_exchange(&count_of[i], 0);
    EXPECT_EQ(total, count);
    printf("%d clients, of which %d met a deadline\n", count, atomic_exchange(&count_of_deadlines, 0));
    return 0;
}

/* Ten thousand connections want 12,500 descriptors here. */
static void raise_limit(void)
{
    struct rlimit limit;
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (rounds(1) > 1 && limit.rlim_cur < LONG_CLIENTS * 3 / 2)
        SKIP("no 15,000 descriptors to be had here");
}

int main(void)
{
    raise_limit();
    for (int i = 0; i < CHILDREN; i++)
        start_child(&children[i]);
    for (int procs = 1; procs <= 4; procs *= 2)
        run_on(procs, app, NULL);
    for (int i = 0; i < CHILDREN; i++)
        end_child(&children[i]);
    return 0;
}
