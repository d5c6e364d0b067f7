/* SPDX-License-Identifier: MIT */
/*
 * target.c: stepping, by ptrace or by gdb's remote protocol.
 *
 * While one thread is stepped the others are frozen, or sysmon would take the processor from a goroutine
 * that takes a thousand times too long. Under qemu that is done from outside, by ptrace on qemu's own
 * threads, since its stub lets them run. Memory too is read from outside: a packet each would take milliseconds.
 */
#define _GNU_SOURCE
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MOST = 16, BLOCK = 1024, BLOCKS = 64, PACKET = 4096, GDB_SIGUSR1 = 30, GDB_SIGUSR2, ENDING_MS = 20000 };

static pid_t process, thread;
static pid_t frozen[THREADS_MOST];
static int frozen_count;

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "stepper: ");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (process > 0)
        kill(process, SIGKILL);
    exit(1);
}

pid_t target_process(void)
{
    return process;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* ---- gdb's remote protocol, as far as qemu-user needs it ---- */

static int stub = -1;
static char packet[PACKET + 1];

static char stub_byte(void)
{
    static char buffer[PACKET];
    static ssize_t used, next;
    if (next == used) {
        next = 0;
        used = read(stub, buffer, sizeof buffer);
        if (used <= 0)
            fail("qemu's stub is gone");
    }
    return buffer[next++];
}

static void stub_send(const char *text)
{
    char frame[256];
    unsigned sum = 0;
    for (const char *c = text; *c != '\0'; c++)
        sum += (unsigned char)*c;
    int length = snprintf(frame, sizeof frame, "$%s#%02x", text, sum & 0xff);
    if (write(stub, frame, (size_t)length) != length)
        fail("qemu's stub takes nothing");
}

/* The answer, in `packet`. */
static void stub_receive(void)
{
    size_t length = 0;
    char c;
    while (stub_byte() != '$')
        ;
    while ((c = stub_byte()) != '#')
        if (length < PACKET)
            packet[length++] = c;
    packet[length] = '\0';
    stub_byte();
    stub_byte();
    if (write(stub, "+", 1) != 1)
        fail("qemu's stub takes nothing");
}

static void stub_ask(const char *text)
{
    stub_send(text);
    stub_receive();
}

static unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static void from_hex(const char *text, void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
}

/* Expects a stop by SIGTRAP; notes the thread. */
static void stub_stopped(void)
{
    if (strncmp(packet, "T05", 3) != 0)
        fail("the program stopped otherwise: %s", packet);
    const char *id = strstr(packet, "thread:");
    if (id != NULL) {
        id += strlen("thread:");
        const char *dot = strchr(id, '.');
        thread = (pid_t)strtol(*id == 'p' && dot != NULL ? dot + 1 : id, NULL, 16);
    }
}

static void stub_connect(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    for (int i = 0; i < 500; i++) {
        stub = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(stub, (struct sockaddr *)&address, sizeof address) == 0) {
            unlink(path);
            stub_ask("?");
            return;
        }
        close(stub);
        pause_ms(10);
    }
    fail("no gdb stub at %s", path);
}

static void start_qemu(char **arguments)
{
    char path[64], *command[THREADS_MOST + 4];
    int n = 0;
    snprintf(path, sizeof path, "/tmp/rung-step-%d", (int)getpid());
    command[n++] = arguments[0];
    command[n++] = "-g";
    command[n++] = path;
    for (int i = 1; arguments[i] != NULL && n < THREADS_MOST; i++)
        command[n++] = arguments[i];
    command[n] = NULL;
    process = fork();
    if (process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(command[0], command);
        _exit(127);
    }
    stub_connect(path);
}

/* ---- ptrace ---- */

/* Waits for a stop of `id`, or of any thread (-1). Gives back whose. */
static pid_t wait_stop(pid_t id, int *status)
{
    pid_t who = waitpid(id, status, __WALL);
    if (who < 0)
        fail("waitpid: %s", strerror(errno));
    if (who == process && !WIFSTOPPED(*status))
        fail("the program ended early, status 0x%x", *status);
    return who;
}

static void start_traced(char **arguments)
{
    int status;
    process = fork();
    if (process == 0) {
        raise(SIGSTOP);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    waitpid(process, &status, WUNTRACED);
    if (ptrace(PTRACE_SEIZE, process, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) != 0)
        fail("ptrace: %s", strerror(errno));
    kill(process, SIGCONT);
    for (;;) {
        wait_stop(process, &status);
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
            break;
        ptrace(PTRACE_CONT, process, 0, 0);
    }
    thread = process;
}

static void run_to_traced(uint64_t address)
{
    errno = 0;
    long code = ptrace(PTRACE_PEEKTEXT, process, address, 0);
    ptrace(PTRACE_POKETEXT, process, address, (code & ~0xffL) | 0xcc);
    ptrace(PTRACE_CONT, process, 0, 0);
    for (;;) {
        int status;
        pid_t who = wait_stop(-1, &status);
        struct user_regs_struct user;
        if (!WIFSTOPPED(status))
            continue;
        if (status >> 8 == SIGTRAP && ptrace(PTRACE_GETREGS, who, 0, &user) == 0 && user.rip == address + 1) {
            user.rip = address;
            ptrace(PTRACE_SETREGS, who, 0, &user);
            ptrace(PTRACE_POKETEXT, who, address, code);
            thread = who;
            return;
        }
        int signal = status >> 16 != 0 || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        ptrace(PTRACE_CONT, who, 0, signal);
    }
}

/* ---- freezing ---- */

/* Whether the thread, stopped, was asleep in the kernel: then it holds nothing that others need. */
static bool is_asleep(pid_t id)
{
    struct user_regs_struct user;
    if (ptrace(PTRACE_GETREGS, id, 0, &user) != 0)
        return false;
    long call = (long)user.orig_rax;
    return call == SYS_futex || call == SYS_clock_nanosleep || call == SYS_nanosleep || call == SYS_ppoll ||
           call == SYS_restart_syscall;
}

static void freeze(pid_t id)
{
    for (int attempt = 0; attempt < 1000; attempt++) {
        int status;
        if (waitpid(id, &status, __WALL | WNOHANG) == id) { /* a stop of its own: being made, or making threads */
            ptrace(PTRACE_CONT, id, 0, 0);
            pause_ms(2);
            continue;
        }
        ptrace(PTRACE_INTERRUPT, id, 0, 0);
        if (waitpid(id, &status, __WALL) != id || !WIFSTOPPED(status))
            fail("thread %d does not stop", (int)id);
        if (is_asleep(id)) {
            frozen[frozen_count++] = id;
            return;
        }
        ptrace(PTRACE_CONT, id, 0, 0);
        pause_ms(2);
    }
    fail("thread %d never sleeps", (int)id);
}

static void freeze_stubs(void)
{
    pid_t ids[THREADS_MOST];
    int count = 0;
    for (stub_ask("qfThreadInfo"); packet[0] == 'm'; stub_ask("qsThreadInfo"))
        for (char *id = strtok(packet + 1, ","); id != NULL && count < THREADS_MOST; id = strtok(NULL, ",")) {
            char *dot = strchr(id, '.');
            ids[count++] = (pid_t)strtol(dot != NULL ? dot + 1 : id, NULL, 16);
        }
    for (int i = 0; i < count; i++)
        if (ids[i] != thread && ptrace(PTRACE_SEIZE, ids[i], 0, 0) == 0)
            freeze(ids[i]);
}

void target_freeze_others(void)
{
    pause_ms(50); /* whoever started this thread is on its way to sleep */
    if (cpu.is_arm) {
        freeze_stubs();
        return;
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *tasks = opendir(path);
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        pid_t id = (pid_t)atoi(entry->d_name);
        if (id > 0 && id != thread)
            freeze(id);
    }
    closedir(tasks);
}

int target_finish(void)
{
    int status;
    if (cpu.is_arm)
        stub_ask("D");
    for (int i = 0; i < frozen_count; i++)
        ptrace(PTRACE_DETACH, frozen[i], 0, 0);
    if (!cpu.is_arm)
        ptrace(PTRACE_DETACH, thread, 0, 0);
    for (int i = 0; i < ENDING_MS / 10; i++) {
        char bytes[PACKET]; /* qemu tells that it ends, and waits for an acknowledgement */
        if (cpu.is_arm && recv(stub, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            send(stub, "+", 1, MSG_NOSIGNAL);
        if (waitpid(process, &status, WNOHANG) == process)
            return status;
        pause_ms(10);
    }
    fail("the program does not end after the steps");
}

/* ---- one instruction ---- */

static uint64_t generation = 1; /* of what is cached of memory */

void target_start(char **arguments)
{
    setenv("RUNG_PROCS", "1", 1);
    setenv("LD_BIND_NOW", "1", 1); /* no symbols looked up in the midst */
    if (cpu.is_arm)
        setenv("RUNG_RESERVE", "1g", 1); /* each step of qemu takes time in proportion to it */
    if (cpu.is_arm)
        start_qemu(arguments);
    else
        start_traced(arguments);
}

void target_run_to(uint64_t address)
{
    generation++;
    if (!cpu.is_arm) {
        run_to_traced(address);
        return;
    }
    char text[64];
    snprintf(text, sizeof text, "Z0,%llx,4", (unsigned long long)address);
    stub_ask(text);
    stub_ask("c");
    stub_stopped();
    text[0] = 'z';
    stub_ask(text);
    snprintf(text, sizeof text, "Hg%x", (unsigned)thread);
    stub_ask(text);
}

void target_step(int signal)
{
    generation++;
    if (cpu.is_arm) {
        char text[64];
        if (signal != 0)
            snprintf(text, sizeof text, "vCont;S%02x:%x", signal == SIGUSR1 ? GDB_SIGUSR1 : GDB_SIGUSR2, (unsigned)thread);
        else
            snprintf(text, sizeof text, "vCont;s:%x", (unsigned)thread);
        stub_ask(text);
        stub_stopped();
        return;
    }
    int status;
    if (ptrace(PTRACE_SINGLESTEP, thread, 0, signal) != 0)
        fail("PTRACE_SINGLESTEP: %s", strerror(errno));
    wait_stop(thread, &status);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
        fail("the program stopped otherwise: 0x%x", status);
}

static void skip_to_traced(uint64_t address)
{
    struct user_regs_struct user;
    int status;
    long code = ptrace(PTRACE_PEEKTEXT, thread, address, 0);
    ptrace(PTRACE_POKETEXT, thread, address, (code & ~0xffL) | 0xcc);
    ptrace(PTRACE_CONT, thread, 0, 0);
    wait_stop(thread, &status);
    if (!WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, thread, 0, &user) != 0 || user.rip != address + 1)
        fail("the program stopped elsewhere: 0x%x", status);
    user.rip = address;
    ptrace(PTRACE_SETREGS, thread, 0, &user);
    ptrace(PTRACE_POKETEXT, thread, address, code);
}

void target_skip_to(uint64_t address)
{
    generation++;
    if (!cpu.is_arm) {
        skip_to_traced(address);
        return;
    }
    char breakpoint[64], text[64];
    snprintf(breakpoint, sizeof breakpoint, "Z0,%llx,4", (unsigned long long)address);
    snprintf(text, sizeof text, "vCont;c:%x", (unsigned)thread);
    stub_ask(breakpoint);
    stub_ask(text);
    stub_stopped();
    breakpoint[0] = 'z';
    stub_ask(breakpoint);
}

void target_registers(struct registers *registers)
{
    if (cpu.is_arm) {
        stub_ask("g");
        from_hex(packet, registers->r, 33 * sizeof(uint64_t));
        return;
    }
    struct user_regs_struct u;
    if (ptrace(PTRACE_GETREGS, thread, 0, &u) != 0)
        fail("PTRACE_GETREGS: %s", strerror(errno));
    *registers = (struct registers){ { u.rax, u.rdx, u.rcx, u.rbx, u.rsi, u.rdi, u.rbp, u.rsp, u.r8, u.r9,
                                       u.r10, u.r11, u.r12, u.r13, u.r14, u.r15, u.rip } };
}

/* ---- memory, in blocks that are good for one step ---- */

static struct block {
    uint64_t address, generation;
    bool is_there;
    uint8_t bytes[BLOCK];
} blocks[BLOCKS];

/* Also under qemu, which has its 64-bit program's memory at the program's own addresses. */
static bool read_block(struct block *block)
{
    struct iovec here = { block->bytes, BLOCK }, there = { (void *)block->address, BLOCK };
    return process_vm_readv(process, &here, 1, &there, 1, 0) == BLOCK;
}

bool target_read(uint64_t address, void *bytes, size_t count)
{
    while (count > 0) {
        uint64_t start = address / BLOCK * BLOCK;
        struct block *block = &blocks[(start / BLOCK ^ start / BLOCK / BLOCKS) % BLOCKS];
        if (block->generation != generation || block->address != start) {
            block->address = start;
            block->generation = generation;
            block->is_there = read_block(block);
        }
        if (!block->is_there)
            return false;
        size_t part = start + BLOCK - address < count ? start + BLOCK - address : count;
        memcpy(bytes, block->bytes + (address - start), part);
        bytes = (char *)bytes + part;
        address += part;
        count -= part;
    }
    return true;
}

uint64_t target_word(uint64_t address)
{
    uint64_t word;
    if (!target_read(address, &word, sizeof word))
        fail("no memory at 0x%llx", (unsigned long long)address);
    return word;
}
