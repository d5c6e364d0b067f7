/* SPDX-License-Identifier: MIT */
/* Programs: their input and output through pipes, their end, their directory and environment; killed by scope. */
#include "net.h"

#include <rung_process.h>
#include <signal.h>
#include <sys/wait.h>

static int feed(void *arg)
{
    rung_process *process = arg;
    static char bytes[300000];
    memset(bytes, 'z', sizeof bytes);
    EXPECT_EQ(rung_write_full(process->input, bytes, sizeof bytes), sizeof bytes);
    return rung_close(process->input);
}

static void through_cat(void)
{
    static const char *const argv[] = { "cat", NULL };
    static const rung_spawn_options options = { .input = RUNG_STDIO_PIPE, .output = RUNG_STDIO_PIPE };
    static char bytes[300001];
    rung_process process;
    int status = -1;
    EXPECT_EQ(rung_spawn(&process, argv, &options), 0);
    go(feed, &process);
    EXPECT_EQ(rung_read_full(process.output, bytes, sizeof bytes), 300000);
    EXPECT_EQ(rung_process_wait(&process, &status), 0);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_EQ(rung_process_wait(&process, &status), -ECHILD);
    EXPECT_EQ(rung_process_kill(&process, SIGTERM), -ESRCH);
    EXPECT_EQ(rung_close(process.output), 0);
}

static void shell(void)
{
    static const char *const argv[] = { "/bin/sh", "-c", "pwd; echo $NAME >&2; exit 7", NULL };
    static const char *const environment[] = { "NAME=value", NULL };
    static const rung_spawn_options options = { .environment = environment, .directory = "/", .input = RUNG_STDIO_NULL,
                                                .output = RUNG_STDIO_PIPE, .error = RUNG_STDIO_OUTPUT };
    rung_process process;
    char bytes[64];
    int status;
    EXPECT_EQ(rung_spawn(&process, argv, &options), 0);
    EXPECT_EQ(rung_read_full(process.output, bytes, sizeof bytes), 8);
    EXPECT(memcmp(bytes, "/\nvalue\n", 8) == 0);
    EXPECT_EQ(rung_process_wait(&process, &status), 0);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    EXPECT_EQ(rung_close(process.output), 0);
}

/* Who has closed his own standard files, as daemons do, gets pipes at their numbers. */
static void without_own_stdio(void)
{
    static const char *const argv[] = { "/bin/sh", "-c", "echo out; echo err >&2", NULL };
    rung_spawn_options options = { .input = RUNG_STDIO_NULL, .output = RUNG_STDIO_NULL, .error = RUNG_STDIO_PIPE };
    const int kept[2] = { dup(0), dup(1) };
    rung_process process;
    char bytes[8];
    for (int i = 0; i < 2; i++) {
        close(0);
        close(1);
        EXPECT_EQ(rung_spawn(&process, argv, &options), 0);
        EXPECT_EQ(rung_read_full(process.error, bytes, sizeof bytes), 4);
        EXPECT(memcmp(bytes, "err\n", 4) == 0);
        if (i == 1) {
            EXPECT_EQ(rung_read_full(process.output, bytes, sizeof bytes), 4);
            EXPECT(memcmp(bytes, "out\n", 4) == 0);
            EXPECT_EQ(rung_close(process.output), 0);
        }
        EXPECT_EQ(rung_close(process.error), 0);
        EXPECT_EQ(rung_process_wait(&process, NULL), 0);
        options.output = RUNG_STDIO_PIPE;
    }
    for (int i = 0; i < 2; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
}

static void killed(void)
{
    static const char *const argv[] = { "sleep", "100", NULL };
    rung_process process;
    rung_scope scope;
    int status;
    EXPECT_EQ(rung_spawn(&process, argv, NULL), 0);
    rung_scope_open(&scope, MS(20));
    EXPECT_EQ(rung_process_wait(&process, &status), -ETIMEDOUT);
    rung_scope_close(&scope);
    rung_scope_open(&scope, MS(20));
    EXPECT_EQ(rung_process_wait_or_kill(&process, &status), -ETIMEDOUT);
    rung_scope_close(&scope);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EXPECT_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
    EXPECT_EQ(rung_spawn(&process, argv, NULL), 0);
    EXPECT_EQ(rung_process_kill(&process, SIGTERM), 0);
    EXPECT_EQ(rung_process_wait_or_kill(&process, &status), 0);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/*
 * glibc tells why by memory that parent and child share; under qemu-user and Valgrind they share none, and the child
 * exits with 127.
 */
static void expect_no_program(const char *const *argv, const rung_spawn_options *options)
{
    rung_process process;
    int status, error = rung_spawn(&process, argv, options);
#if defined(__aarch64__) || IS_VALGRIND
    if (error == 0) {
        EXPECT_EQ(rung_process_wait(&process, &status), 0);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 127);
        rung_close(process.output);
        return;
    }
#endif
    EXPECT_EQ(error, -ENOENT);
    EXPECT_EQ(rung_process_wait(&process, &status), -ECHILD);
}

static void bad(void)
{
    static const char *const missing[] = { "/no/such/program", NULL }, *const nothing[] = { NULL };
    static const char *const fine[] = { "true", NULL };
    rung_spawn_options options = { .input = RUNG_STDIO_OUTPUT };
    rung_process process;
    expect_no_program(missing, NULL);
    EXPECT_EQ(rung_spawn(&process, nothing, NULL), -EINVAL);
    EXPECT_EQ(rung_spawn(&process, NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_spawn(NULL, fine, NULL), -EINVAL);
    EXPECT_EQ(rung_spawn(&process, fine, &options), -EINVAL);
    options = (rung_spawn_options){ .input = (enum rung_stdio)9, .output = RUNG_STDIO_PIPE };
    EXPECT_EQ(rung_spawn(&process, fine, &options), -EINVAL);
    options = (rung_spawn_options){ .output = RUNG_STDIO_PIPE, .directory = "/no/such/directory" };
    expect_no_program(fine, &options);
}

/* Killed again and again while another goroutine waits for it. */
static int keep_killing(void *arg)
{
    rung_process *process = arg;
    int error;
    while ((error = rung_process_kill(process, SIGTERM)) == 0)
        rung_yield();
    EXPECT_EQ(error, -ESRCH);
    return 0;
}

static void killed_while_waited_for(void)
{
    static const char *const argv[] = { "sleep", "100", NULL };
    rung_process process, none = { .pid = 0 };
    rung_group group;
    int status;
    EXPECT_EQ(rung_process_kill(&none, 0), -ESRCH); /* and not all of our group */
    EXPECT_EQ(rung_process_wait(&none, NULL), -ECHILD);
    EXPECT_EQ(rung_spawn(&process, argv, NULL), 0);
    EXPECT_EQ(rung_process_kill(&process, 1000), -EINVAL);
    rung_group_open(&group, RUNG_FOREVER);
    group_go(&group, keep_killing, &process);
    EXPECT_EQ(rung_process_wait(&process, &status), 0);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    EXPECT_EQ(rung_group_wait(&group), 0);
}

static int many(void *arg)
{
    static const char *const argv[] = { "true", NULL };
    rung_process process;
    (void)arg;
    EXPECT_EQ(rung_spawn(&process, argv, NULL), 0);
    return rung_process_wait(&process, NULL);
}

static int app(void *arg)
{
    rung_group group;
    (void)arg;
    int before = open_sockets();
    through_cat();
    shell();
    without_own_stdio();
    killed();
    killed_while_waited_for();
    bad();
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 20; i++)
        group_go(&group, many, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    wait_for_sockets(before);
    return 0;
}

int main(void)
{
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
