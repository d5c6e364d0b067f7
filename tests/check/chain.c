/* SPDX-License-Identifier: MIT */
/*
 * chain.c: where the chain truly stands at each instruction that a program executes: the ground truth that `rung
 * check --instructions` is compared with.
 *
 *     chain OUT STEPS JUMP [qemu-aarch64 -L DIRECTORY] PROGRAM [ARGUMENT]...
 *
 * A shadow stack has, for each call that has not returned, where its return address is and what the frame pointer
 * was. Neither instructions nor CFI are read for it: a call is a step that leaves the address behind it on the stack
 * (or in lr), and has returned once the stack pointer is above that place. At each instruction of the program's own
 * file the frame pointer is then one of
 *   1 the caller's      as it was at the call
 *   2 a true record     it points at {what it was at the call, the return address}
 *   4 neither
 *   8 equal to the caller's, but that was no record of a call: it may be so by accident
 * Written to OUT: a line for each executed address of the file, "ADDRESS BITS", with all that was seen there. A step that
 * moves the stack pointer by more than JUMP bytes goes to another stack: what is not known is not judged.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../step/target.h"

enum { DEPTH = 1 << 16, SECONDS = 100 };

struct cpu cpu;

static struct call {
    uint64_t place; /* of the return address; on arm64 the stack pointer at the call */
    uint64_t ret, fp;
} calls[DEPTH];
static int depth;
static bool is_far; /* arm64: a jump out of several calls is under way */

static struct text {
    uint64_t low, high, bias;
    uint8_t *seen;
} text;

static uint64_t entry, first;
static char path[PATH_MAX];
static FILE *out;

static void print_seen(void)
{
    for (uint64_t i = 0; text.seen != NULL && i < text.high - text.low; i++)
        if (text.seen[i] != 0)
            fprintf(out, "%llx %d\n", (unsigned long long)(text.low + i - text.bias), text.seen[i]);
    fclose(out);
}

static void open_program(const char *name)
{
    struct stat status;
    int fd = realpath(name, path) != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &status) != 0)
        fail("%s: no such program", name);
    const Elf64_Ehdr *header = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (header == MAP_FAILED || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        fail("%s: not an ELF file", name);
    cpu = header->e_machine == EM_AARCH64 ? (struct cpu){ true, ARM_PC, ARM_SP, ARM_FP, ARM_LR, 0 }
                                          : (struct cpu){ false, X86_PC, X86_SP, X86_FP, X86_PC, 5 };
    entry = header->e_entry;
    const Elf64_Phdr *segments = (const void *)((const char *)header + header->e_phoff);
    for (int i = header->e_phnum; i-- > 0;)
        if (segments[i].p_type == PT_LOAD)
            first = segments[i].p_vaddr / 4096 * 4096;
}

/* The program's mappings, once the kernel or qemu has made them. */
static void find_text(void)
{
    char name[64], line[PATH_MAX + 256], mapped[PATH_MAX];
    unsigned long long low, high, lowest = 0, highest = 0;
    snprintf(name, sizeof name, "/proc/%d/maps", (int)target_process());
    FILE *maps = fopen(name, "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%llx-%llx %*s %*s %*s %*s %4095s", &low, &high, mapped) == 3 && strcmp(mapped, path) == 0) {
            lowest = lowest == 0 ? low : lowest;
            highest = high;
        }
    if (maps != NULL)
        fclose(maps);
    if (lowest == 0)
        fail("%s is not mapped", path);
    text = (struct text){ lowest, highest, lowest - first, calloc(1, highest - lowest) };
    if (text.seen == NULL)
        fail("no memory");
}

/* The return address that the step from `before` has left, if it was a call; else 0. */
static uint64_t called(const struct registers *before, const struct registers *after)
{
    uint64_t pc = before->r[cpu.pc], next = after->r[cpu.pc];
    if (cpu.is_arm)
        return next != pc + 4 && after->r[ARM_LR] == pc + 4 && after->r[cpu.sp] == before->r[cpu.sp] ? pc + 4 : 0;
    uint64_t ret;
    if (after->r[cpu.sp] != before->r[cpu.sp] - 8 || !target_read(after->r[cpu.sp], &ret, 8))
        return 0;
    return ret - pc - 1 < 15 && ret != next ? ret : 0; /* a call of the next instruction pushes the pc, and is none */
}

static void follow(const struct registers *before, const struct registers *after, uint64_t jump)
{
    uint64_t sp = after->r[cpu.sp], old = before->r[cpu.sp];
    if ((sp > old ? sp - old : old - sp) > jump)
        depth = 0;
    uint64_t ret = called(before, after);
    if (ret != 0 && depth < DEPTH) {
        calls[depth++] = (struct call){ sp, ret, before->r[cpu.fp] };
        return;
    }
    while (depth > 0 && sp > calls[depth - 1].place) {
        is_far = cpu.is_arm; /* calls left open: a longjmp has loaded sp, and jumps next */
        depth--;
    }
    if (!cpu.is_arm) /* else nothing lies on the stack: it has returned when it is back */
        return;
    bool is_jump = after->r[cpu.pc] != before->r[cpu.pc] + 4;
    while (depth > 0 && sp == calls[depth - 1].place && (after->r[cpu.pc] == calls[depth - 1].ret || (is_far && is_jump)))
        depth--;
    if (is_jump)
        is_far = false;
}

/* A return address without arm64's signature. */
static uint64_t bare(uint64_t address)
{
    return cpu.is_arm ? address & ((1ull << 48) - 1) : address;
}

/* Whether fp points at the record of a call that is open. */
static bool is_record(uint64_t fp)
{
    uint64_t record[2];
    if (fp % 8 != 0 || !target_read(fp, record, sizeof record))
        return false;
    for (int i = depth; i-- > 0;)
        if (calls[i].ret == bare(record[1]))
            return true;
    return false;
}

static void look(const struct registers *now)
{
    uint64_t pc = now->r[cpu.pc], fp = now->r[cpu.fp], record[2];
    if (pc - text.low >= text.high - text.low || depth == 0)
        return;
    const struct call *call = &calls[depth - 1];
    uint8_t bits = 4;
    if (fp == call->fp)
        bits = is_record(fp) ? 1 : 8;
    else if (fp % 8 == 0 && target_read(fp, record, sizeof record) && record[0] == call->fp && bare(record[1]) == call->ret)
        bits = 2;
    text.seen[pc - text.low] |= bits;
}

/* A thread that sleeps for ever, since the others are not let run: interrupts waitpid, and so ends it. */
static void on_alarm(int number)
{
    (void)number;
}

int main(int count, char **arguments)
{
    int program = 4;
    if (count < 5)
        fail("usage: chain OUT STEPS JUMP [qemu-aarch64 -L DIRECTORY] PROGRAM [ARGUMENT]...");
    uint64_t steps = strtoull(arguments[2], NULL, 0), jump = strtoull(arguments[3], NULL, 0);
    if (strstr(arguments[4], "qemu") != NULL)
        program += 3;
    out = fopen(arguments[1], "we");
    if (out == NULL)
        fail("%s: cannot be written", arguments[1]);
    open_program(arguments[program]);
    atexit(print_seen); /* however the program ends */
    sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
    alarm(SECONDS);
    target_start(arguments + 4);
    find_text();
    target_run_to(entry + text.bias);
    struct registers before, after;
    target_registers(&before);
    for (uint64_t i = 0; i < steps; i++) {
        look(&before);
        target_step(0);
        target_registers(&after);
        follow(&before, &after, jump);
        before = after;
    }
    fail("enough steps"); /* ends the program */
}
