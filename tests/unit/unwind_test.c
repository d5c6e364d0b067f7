/* Walks over known stacks are right, walks over garbage end; neither ever faults. */
/* SPDX-License-Identifier: MIT */
/* test-presets: release debug ubsan clang lto lto-clang arm64 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "../test.h"
#include "base/os.h"
#include "machine/arch.h"
#include "machine/object.h"
#include "machine/registers.h"
#include "machine/unwind.h"
#include "rung_debug.h"

enum { DEPTH = 128, WORDS = 512, STRANGER = 0x1000 /* a pc in no object */ };

static struct stack_range own;
static uintptr_t pcs[DEPTH];
static volatile size_t sink;

static bool is_in(uintptr_t pc, const char *function)
{
    struct object_place place;
    return object_symbol(pc - 1, &place) && place.function != NULL &&
           strcmp(place.function, function) == 0;
}

/* ---- real stacks ---- */

/* Against glibc's backtrace(): all but the call site in this function itself. */
__attribute__((__noinline__)) static void expect_like_backtrace(void)
{
    void *theirs[DEPTH];
    size_t count = (size_t)backtrace(theirs, DEPTH);
    size_t ours = unwind_here(&own, 1, pcs, DEPTH);
    EXPECT_EQ(ours, count);
    EXPECT(is_in(pcs[0], "expect_like_backtrace"));
    for (size_t i = 1; i < count; i++)
        EXPECT_EQ(pcs[i], (uintptr_t)theirs[i]);
}

static int compare(const void *a, const void *b)
{
    if (sink++ == 5)
        expect_like_backtrace();
    return *(const char *)a - *(const char *)b;
}

static void test_here(void)
{
    expect_like_backtrace();
    char items[] = "a callback of libc";
    qsort(items, sizeof items - 1, 1, compare);
    EXPECT(sink > 5);
}

static void test_capacity(void)
{
    EXPECT_EQ(unwind_here(&own, 1, pcs, 0), 0);
    EXPECT_EQ(unwind_here(&own, 1, pcs, 2), 2);
    EXPECT_EQ(unwind_here(&own, 0, pcs, DEPTH), 0);
}

static size_t handler_depth, context_depth;
static uintptr_t context_pcs[DEPTH];
static struct stack_range handler_ranges[2];

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    handler_depth = unwind_here(handler_ranges, 2, pcs, DEPTH);
    context_depth = unwind_from_context(context, handler_ranges, 2, context_pcs, DEPTH);
}

__attribute__((__noinline__)) static void interrupted(void)
{
    raise(SIGUSR1);
    sink++;
}

/*
 * From a handler on its own stack, which lies below: through the signal frame, to the interrupted
 * code's root.
 */
static void test_handler(void)
{
    static char stack[1 << 16] __attribute__((aligned(64))); /* the program lies below its stack */
    size_t bytes = sizeof stack;
    EXPECT((uintptr_t)stack < own.lo);
    stack_t alternate = { .ss_sp = stack, .ss_size = bytes };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    EXPECT_EQ(sigaltstack(&alternate, NULL), 0);
    EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    handler_ranges[0] = (struct stack_range){ (uintptr_t)stack, (uintptr_t)stack + bytes };
    handler_ranges[1] = own;
    interrupted();
    EXPECT(is_in(context_pcs[2], "interrupted") || is_in(context_pcs[3], "interrupted"));
    EXPECT(handler_depth >= context_depth);
    EXPECT(is_in(pcs[0], "on_signal"));
    /* [0] is the handler, [1] the code it returns to, [2] the interrupted pc plus 1. */
    struct object_place place;
    bool has_vdso = object_symbol(pcs[1], &place); /* qemu-user 7.2 on arm64 has none */
    if (has_vdso) {
        EXPECT_EQ(handler_depth, context_depth + 2);
        EXPECT_EQ(pcs[2], context_pcs[0] + 1);
    }
    EXPECT(memcmp(pcs + handler_depth - (context_depth - 1), context_pcs + 1,
                  (context_depth - 1) * sizeof *pcs) == 0);
    /*
     * The handler's stack not given: nothing can be loaded but the rest of the walk must not
     * fault.
     */
    struct unwind_start start = { .pc = pcs[0],
                                  .sp = (uintptr_t)stack + 1024,
                                  .fp = (uintptr_t)stack + 2048 };
    EXPECT_EQ(unwind(&start, &own, 1, pcs, DEPTH), 1);
}

static sigjmp_buf escape;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    context_depth = unwind_from_context(context, &own, 1, context_pcs, DEPTH);
    siglongjmp(escape, 1);
}

__attribute__((__noinline__)) static void calls_null(void)
{
    void (*volatile nothing)(void) = NULL;
    nothing();
    sink++;
}

/* A call through NULL: the caller is where a call has left it. */
static void test_null_call(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
    EXPECT_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    if (sigsetjmp(escape, 1) == 0)
        calls_null();
    signal(SIGSEGV, SIG_DFL);
    EXPECT_EQ(context_pcs[0], 0);
    EXPECT(context_depth >= 4);
    EXPECT(is_in(context_pcs[1], "calls_null"));
    EXPECT(is_in(context_pcs[2], "test_null_call"));
}

/* ---- made-up stacks: records in code that nothing is known of ---- */

static _Alignas(16) uintptr_t low_stack[WORDS], high_stack[WORDS]; /* static: which is lower is looked up */
static struct stack_range two[2];
static uintptr_t *low, *high;

static void place_stacks(void)
{
    bool is_in_order = (uintptr_t)low_stack < (uintptr_t)high_stack;
    low = is_in_order ? low_stack : high_stack;
    high = is_in_order ? high_stack : low_stack;
    two[0] = (struct stack_range){ (uintptr_t)low, (uintptr_t)(low + WORDS) };
    two[1] = (struct stack_range){ (uintptr_t)high, (uintptr_t)(high + WORDS) };
}

static void put_record(uintptr_t *at, const void *fp, uintptr_t pc)
{
    at[0] = (uintptr_t)fp;
    at[1] = pc;
}

static size_t walk_from(const void *fp, size_t range_count)
{
    struct unwind_start start = { .pc = STRANGER, .sp = (uintptr_t)low, .fp = (uintptr_t)fp };
    return unwind(&start, two, range_count, pcs, DEPTH);
}

static void test_links(void)
{
    place_stacks();
    put_record(low + 4, low + 10, STRANGER + 1);
    put_record(low + 10, high + 6, STRANGER + 2);
    put_record(high + 6, high + 100, STRANGER + 3);
    put_record(high + 100, NULL, 0);
    EXPECT_EQ(walk_from(low + 4, 2), 4); /* over both stacks to the root */
    EXPECT_EQ(pcs[3], STRANGER + 3);
    EXPECT_EQ(walk_from(low + 4, 1), 3); /* the second stack is not known */
    put_record(high + 100, low + 20, STRANGER + 4);
    EXPECT_EQ(walk_from(low + 4, 2), 5); /* the link goes down */
    put_record(high + 100, high + 100, STRANGER + 4);
    EXPECT_EQ(walk_from(low + 4, 2), 5); /* Go before CL 476235: a record that links to itself */
    put_record(high + 100, high + 98, STRANGER + 4);
    EXPECT_EQ(walk_from(low + 4, 2), 5); /* a link one record down */
    put_record(high + 100, (char *)(high + 200) + 4, STRANGER + 4);
    EXPECT_EQ(walk_from(low + 4, 2), 5); /* misaligned */
    put_record(high + 100, high + WORDS - 1, STRANGER + 4);
    EXPECT_EQ(walk_from(low + 4, 2), 5); /* half of the record is outside */
    put_record(high + 100, high + WORDS - 2, STRANGER + 4);
    put_record(high + WORDS - 2, NULL, 0);
    EXPECT_EQ(walk_from(low + 4, 2), 5); /* a root record at the very top */
    for (size_t i = 0; i + 2 < WORDS; i += 2)
        put_record(low + i, low + i + 2, STRANGER);
    EXPECT_EQ(walk_from(low, 2), UNWIND_DEPTH_MAX);
    EXPECT_EQ(walk_from(NULL, 2), 1);
}

/* ---- made-up rules ---- */

/*
 * Functions that are never run, for their CFI. Each is 32 bytes, so that no padding lies between
 * them.
 */
#if defined(__x86_64__)
#define CFI_RA_AT_CFA   ""
#define CFI_FP_PLUS_32  ".cfi_def_cfa rbp, 32\n"
#define CFI_SCRATCH     ".cfi_def_cfa r10, 16\n"
#define CFI_RA_NOWHERE  ".cfi_undefined rip\n"
#define CFI_LINK        ".cfi_escape 0x0f, 3, 0x76, 16, 6, 0x10, 6, 2, 0x76, 0, 0x10, 16, 2, 0x76, 8\n"
#define SCRATCH(uc)     ((uc)->uc_mcontext.gregs[REG_R10])
#define SIGNAL_RETURN   "movq $15, %rax\nsyscall\n"
#define SET_CONTEXT(uc, pc, sp, fp) \
    ((uc)->uc_mcontext.gregs[REG_RIP] = (greg_t)(pc), (uc)->uc_mcontext.gregs[REG_RSP] = (greg_t)(sp), \
     (uc)->uc_mcontext.gregs[REG_RBP] = (greg_t)(fp))
#else
#define CFI_RA_AT_CFA   ".cfi_offset x30, -8\n"
#define CFI_FP_PLUS_32  ".cfi_def_cfa x29, 32\n"
#define CFI_SCRATCH     ".cfi_def_cfa x9, 16\n"
#define CFI_RA_NOWHERE  ".cfi_undefined x30\n"
#define CFI_LINK        ".cfi_escape 0x0f, 3, 0x8d, 16, 6, 0x10, 29, 2, 0x8d, 0, 0x10, 30, 2, 0x8d, 8\n"
#define SCRATCH(uc)     ((uc)->uc_mcontext.regs[9])
#define SIGNAL_RETURN   "mov x8, #139\nsvc #0\n"
#define SET_CONTEXT(uc, pc_, sp_, fp) \
    ((uc)->uc_mcontext.pc = (pc_), (uc)->uc_mcontext.sp = (uintptr_t)(sp_), (uc)->uc_mcontext.regs[29] = (uintptr_t)(fp))
#endif
#define MADE(name, cfi) ".globl " #name "\n.hidden " #name "\n" #name ":\n.cfi_startproc\n" cfi ".skip 32\n.cfi_endproc\n"

__asm__(".text\n.balign 64\n"
        MADE(made_plain, ".cfi_def_cfa_offset 32\n" CFI_RA_AT_CFA)
        MADE(made_entry, "")
        MADE(made_fp, CFI_FP_PLUS_32 CFI_RA_AT_CFA)
        MADE(made_register, CFI_SCRATCH CFI_RA_AT_CFA)
        MADE(made_link, CFI_LINK)
        MADE(made_end, CFI_RA_NOWHERE)
        MADE(made_unsaved, ".cfi_def_cfa_offset 32\n")
        ".globl made_return\n.hidden made_return\n.skip 64\nmade_return:\n" SIGNAL_RETURN ".skip 64\n");
#define hidden __attribute__((__visibility__("hidden")))
extern hidden const char made_plain[], made_entry[], made_fp[], made_register[], made_link[],
    made_end[], made_unsaved[], made_return[];

static size_t walk_made(const char *pc, bool is_exact, const uintptr_t *sp, const uintptr_t *fp,
                        const void *context)
{
    struct unwind_start start = { .pc = (uintptr_t)pc,
                                  .sp = (uintptr_t)sp,
                                  .fp = (uintptr_t)fp,
                                  .lr = STRANGER + 99,
                                  .is_exact_pc = is_exact,
                                  .context = context };
    return unwind(&start, two, 2, pcs, DEPTH);
}

static void test_rules(void)
{
    static ucontext_t context;
    memset(low, 0, sizeof low_stack);
    for (size_t i = 10; i < 60; i++)
        low[i] = STRANGER + i;
    EXPECT_EQ(walk_made(made_plain + 4, false, low + 10, NULL, NULL), 2);
    EXPECT_EQ(pcs[1], STRANGER + 13);
    /*
     * A call that is the last instruction returns to the next function: the rule is the caller's
     * own.
     */
    EXPECT_EQ(walk_made(made_entry, false, low + 10, NULL, NULL), 2);
    EXPECT_EQ(pcs[1], STRANGER + 13);
    low[13] = (uintptr_t)made_entry;
    EXPECT_EQ(walk_made(made_plain + 4, false, low + 10, NULL, NULL), 3);
    EXPECT_EQ(pcs[2], STRANGER + 17);
    EXPECT_EQ(walk_made(made_entry, true, low + 10, NULL, NULL), 2);
    EXPECT_EQ(pcs[1], ENTRY_RA_IS_SAVED ? STRANGER + 10 : STRANGER + 99);
    /* lr is an interrupted frame's only. */
    EXPECT_EQ(walk_made(made_entry + 8, false, low + 10, NULL, NULL), ENTRY_RA_IS_SAVED ? 2 : 1);
    EXPECT_EQ(walk_made(made_unsaved + 8, false, low + 20, NULL, NULL), ENTRY_RA_IS_SAVED ? 2 : 1);
    EXPECT_EQ(walk_made(made_fp + 4, false, low + 10, low + 20, NULL), 2);
    EXPECT_EQ(pcs[1], STRANGER + 23);
    EXPECT_EQ(walk_made(made_fp + 4, false, low + 30, low + 20, NULL), 1); /* down */
    EXPECT_EQ(walk_made(made_fp + 4, false, low + 24, low + 20, NULL), 1); /* no progress */
    SCRATCH(&context) = (uintptr_t)(low + 30);
    EXPECT_EQ(walk_made(made_register + 4, true, low + 10, NULL, &context), 2);
    EXPECT_EQ(pcs[1], STRANGER + 31);
    EXPECT_EQ(walk_made(made_register + 4, true, low + 10, NULL, NULL), 1);
    EXPECT_EQ(walk_made(made_end + 4, false, low + 10, low + 20, NULL), 1);
    /*
     * mcall's link: the record on one stack, the caller's sp on another; and the link when it is
     * cut.
     */
    put_record(low + 20, NULL, (uintptr_t)made_plain + 4);
    low[22] = (uintptr_t)(high + 40);
    high[43] = STRANGER + 1;
    EXPECT_EQ(walk_made(made_link + 4, false, low + 10, low + 20, NULL), 3);
    EXPECT_EQ(pcs[2], STRANGER + 1);
    low[20] = low[21] = low[22] = 0;
    EXPECT_EQ(walk_made(made_link + 4, false, low + 10, low + 20, NULL), 1);
}

/* A handler returns to code that has no CFI: that of the vdso on arm64, or of who calls the kernel without libc. */
static void test_signal_return(void)
{
    memset(low, 0, sizeof low_stack);
    ucontext_t *context = (ucontext_t *)((char *)(low + 10) + SIGNAL_CONTEXT_OFFSET);
    put_record(high + 10, NULL, STRANGER + 2);
    SET_CONTEXT(context, STRANGER + 1, high + 4, high + 10);
    EXPECT_EQ(walk_made(made_return, false, low + 10, low + 20, NULL), 3);
    EXPECT(pcs[1] == STRANGER + 2 && pcs[2] == STRANGER + 2); /* an interrupted pc, plus 1; and who called there */
    EXPECT_EQ(walk_made(made_return, true, low + 10, low + 20, NULL), 3);
}

/* What was looked up before a refresh is looked up again behind it. */
static void test_cache(void)
{
    void *library = dlopen("libz.so.1", RTLD_NOW);
    void *function = library != NULL ? dlsym(library, "zlibVersion") : NULL;
    struct object_place place;
    if (function == NULL || object_symbol((uintptr_t)function, &place))
        return; /* no zlib, or one that is loaded already */
    put_record(low + 20, NULL, STRANGER + 1);
    low[10] = STRANGER + 2;
    struct unwind_start start = { .pc = (uintptr_t)function,
                                  .sp = (uintptr_t)(low + 10),
                                  .fp = (uintptr_t)(low + 20),
                                  .lr = STRANGER + 2,
                                  .is_exact_pc = true };
    EXPECT_EQ(unwind(&start, two, 2, pcs, 2), 2);
    EXPECT_EQ(pcs[1], STRANGER + 1); /* by record: nothing is known of the function */
    EXPECT_EQ(object_refresh(), 0);
    EXPECT_EQ(unwind(&start, two, 2, pcs, 2), 2);
    EXPECT_EQ(pcs[1], STRANGER + 2); /* by its rule: nothing of it has run */
}

/* ---- fuzz ---- */

struct fuzz {
    uint64_t random;
    uintptr_t *stacks[3];
    struct stack_range ranges[3];
    uintptr_t texts[4];
};

static uint64_t next(struct fuzz *fuzz)
{
    fuzz->random ^= fuzz->random << 13;
    fuzz->random ^= fuzz->random >> 7;
    fuzz->random ^= fuzz->random << 17;
    return fuzz->random;
}

/*
 * A word that a walk might take for something: mostly stack addresses and pcs, some of them
 * slightly off.
 */
static uintptr_t fuzz_word(struct fuzz *fuzz)
{
    uint64_t random = next(fuzz), kind = random % 16;
    random >>= 4;
    if (kind < 7)
        return fuzz->ranges[random % 3].lo + next(fuzz) % (WORDS + 8) * 8 - 32;
    if (kind < 12)
        return fuzz->texts[random % 4] + next(fuzz) % 0x100000 - 0x1000;
    if (kind < 13)
        return fuzz->ranges[random % 3].lo + next(fuzz) % (WORDS * 8);
    return kind < 14 ? 0 : kind < 15 ? random : (uintptr_t)-1 - random % 64;
}

/* Spoils a word, or mends two: a record that links a little further up. */
static void fuzz_write(struct fuzz *fuzz)
{
    uintptr_t *at = &fuzz->stacks[next(fuzz) % 3][next(fuzz) % (WORDS - 1)];
    at[0] = fuzz_word(fuzz);
    if (next(fuzz) % 4 == 0)
        return;
    at[0] = (uintptr_t)(at + next(fuzz) % 8 + 2);
    at[1] = fuzz->texts[next(fuzz) % 4] + next(fuzz) % 0x100000;
}

/* Each stack ends at pages that can't be touched. */
static void fuzz_prepare(struct fuzz *fuzz)
{
    size_t bytes = WORDS * sizeof(uintptr_t);
    char *memory = mmap(NULL, 7 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < 3; i++) {
        char *stack = memory + (2 * i + 1) * bytes;
        EXPECT_EQ(mprotect(stack, bytes, PROT_READ | PROT_WRITE), 0);
        fuzz->stacks[i] = (uintptr_t *)stack;
        fuzz->ranges[i] = (struct stack_range){ (uintptr_t)stack, (uintptr_t)stack + bytes };
    }
    struct object_place place;
    const void *known[] = { (void *)qsort, (void *)fuzz_prepare, (void *)pcs, (void *)&errno };
    for (size_t i = 0; i < 4; i++)
        fuzz->texts[i] = (uintptr_t)known[i] & -(uintptr_t)0x1000;
    EXPECT(object_symbol((uintptr_t)qsort, &place));
}

static void test_fuzz(void)
{
    _Static_assert(WORDS * sizeof(uintptr_t) % PAGE == 0, "stacks end at pages");
    static struct fuzz fuzz;
    static ucontext_t context;
    uint64_t total = 0, longest = 0;
    fuzz.random = test_seed() | 1;
    fuzz_prepare(&fuzz);
    for (int64_t round = test_scaled(400000); round > 0; round--) {
        for (size_t i = 0; i < 40; i++)
            fuzz_write(&fuzz);
        for (size_t i = 0; i < sizeof context.uc_mcontext / 8 && round % 8 == 0; i++)
            ((uintptr_t *)&context.uc_mcontext)[i] = fuzz_word(&fuzz);
        for (size_t i = 0; i < 5; i++) {
            struct unwind_start start = { .pc = fuzz_word(&fuzz), .sp = fuzz_word(&fuzz),
                                          .fp = fuzz_word(&fuzz), .lr = fuzz_word(&fuzz),
                                          .base = fuzz_word(&fuzz), .is_exact_pc = i % 2,
                                          .context = i == 3 ? &context : NULL };
            size_t count = unwind(&start, fuzz.ranges, 1 + i % 3, pcs, DEPTH);
            EXPECT(count >= 1 && count <= UNWIND_DEPTH_MAX);
            total += count;
            longest = count > longest ? count : longest;
        }
        if (round % 8 == 0)
            total += unwind_from_context(&context, fuzz.ranges, 3, pcs, DEPTH);
    }
    printf("fuzz: %lu pcs, the longest walk %lu\n", (unsigned long)total, (unsigned long)longest);
    EXPECT(longest >= 10); /* or it would have tested nothing */
}

int main(void)
{
    EXPECT_EQ(object_refresh(), 0);
    EXPECT_EQ(object_refresh(), 0);
    EXPECT_EQ(unwind_thread_range(&own), 0);
    test_here();
    test_capacity();
    test_handler();
    test_null_call();
    test_links();
    test_rules();
    test_signal_return();
    test_cache();
    test_fuzz();
    return 0;
}
