/* SPDX-License-Identifier: MIT */
/*
 * hostile.h: how these tests make their environment scarce: limits, another user, system calls that the
 * kernel refuses. Each holds for the rest of the process. Include it first.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "run/common.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* Only the soft limit: it may be raised again. */
static inline void limit(int resource, rlim_t value)
{
    struct rlimit old;
    EXPECT_EQ(getrlimit((__rlimit_resource_t)resource, &old), 0);
    EXPECT_EQ(setrlimit((__rlimit_resource_t)resource, &(struct rlimit){value, old.rlim_max}), 0);
}

/* A user that nobody else is, so that RLIMIT_NPROC counts this process's threads alone. */
static inline void become_nobody(void)
{
    if (setresuid(70000 + (uid_t)getpid(), 70000 + (uid_t)getpid(), 70000 + (uid_t)getpid()) != 0)
        SKIP("RLIMIT_NPROC binds only other users than root, and this one may not change its own");
}

/* From now on the call fails with `error`, if its argument number `at` is `value` (at < 0: always). */
static inline void refuse(int call, int at, uint32_t value, int error)
{
    uint32_t argument = (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)(at < 0 ? 0 : at));
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, at < 0 ? 0 : value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    if (at >= 0)
        filter[3].code = BPF_JMP | BPF_JEQ | BPF_K;
    struct sock_fprog program = {LENGTH(filter), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        SKIP("this kernel takes no seccomp filter");
}

/* Runs fn in a child and gives back its wait status; its stderr goes into `text`, if that is not NULL. */
static inline int in_child(void (*fn)(void), char *text, size_t capacity)
{
    int pipe_fds[2], status;
    EXPECT_EQ(pipe(pipe_fds), 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        if (text != NULL)
            dup2(pipe_fds[1], STDERR_FILENO);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        fn();
        _exit(0);
    }
    close(pipe_fds[1]);
    size_t length = 0;
    ssize_t got;
    char rest[4096];
    while ((got = text != NULL && length + 1 < capacity ? read(pipe_fds[0], text + length, capacity - 1 - length)
                                                        : read(pipe_fds[0], rest, sizeof rest)) > 0)
        length += text != NULL && length + 1 < capacity ? (size_t)got : 0;
    if (text != NULL)
        text[length] = '\0';
    close(pipe_fds[0]);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
}

/* The same, which must pass: its failures are on stderr, and a skip in it skips the whole test. */
static inline void passes(void (*fn)(void))
{
    int status = in_child(fn, NULL, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        _exit(77);
    if (status != 0)
        test_fail(__FILE__, __LINE__, "a child ended with wait status %#x", (unsigned)status);
}

#endif
