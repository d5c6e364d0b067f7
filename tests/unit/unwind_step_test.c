/* A walk is exact at every instruction: prologues, epilogues, leaves, libc, PLT, resolver. */
/* SPDX-License-Identifier: MIT */
/* test-presets: release debug ubsan clang lto lto-clang arm64 */
/*
 * x86-64: the program single-steps itself (the trap flag) over a list of functions. The trap
 * handler keeps a shadow stack that knows nothing of frames: a call is seen by the return address
 * that it pushes, a return by sp rising past it. Below the driver lies what glibc's backtrace()
 * said. After each instruction the walk from the trap's context has to be the shadow stack, word
 * for word.
 *
 * arm64 has no trap flag for a process of its own. There each instruction of each function is
 * replaced by a breakpoint in turn and the function called. On the first instruction the caller is
 * in lr, which no rule is needed for; on every later one the walk must have the same callers.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <execinfo.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "../test.h"
#include "machine/arch.h"
#include "machine/object.h"
#include "machine/unwind.h"
#include "rung_debug.h"

#if defined(__clang__)
#define keep_call   __attribute__((__noinline__))
#define omits_frame
#else
#define keep_call   __attribute__((__noipa__))
#define omits_frame __attribute__((optimize("omit-frame-pointer")))
#endif

enum { DEPTH = 128 };

static struct stack_range range;
static volatile uint64_t sink;
static char text[128];

/* ---- what is stepped over ---- */

keep_call static uint64_t leaf(uint64_t a)
{
    return a * 3 + 1;
}

keep_call static uint64_t framed(uint64_t a)
{
    return leaf(a) + leaf(a + 1);
}

keep_call static uint64_t shrink_wrapped(uint64_t a)
{
    if (a == 0) /* the frame is made behind this */
        return 7;
    uint64_t sum = leaf(a);
    for (uint64_t i = 0; i < 2; i++)
        sum += leaf(sum) ^ framed(i);
    return sum;
}

keep_call static uint64_t saves_much(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                                     uint64_t f, uint64_t g)
{
    uint64_t w = leaf(a + b), x = leaf(c + d), y = leaf(e + f), z = leaf(g);
    return leaf(w) + x * y + z * a + b * c + d * e + f * g;
}

keep_call static uint64_t large_frame(uint64_t a)
{
    volatile char space[10000];
    space[a % sizeof space] = (char)a;
    return leaf(a) + (uint64_t)space[a % sizeof space];
}

keep_call static uint64_t grows(uint64_t a)
{
    volatile char *space = alloca(a * 100 + 16);
    space[0] = (char)a;
    return leaf(a) + (uint64_t)space[0];
}

keep_call static uint64_t realigned(uint64_t a)
{
    volatile char space[64] __attribute__((aligned(64)));
    space[a % 64] = 1;
    return leaf(a) + ((uintptr_t)space & 63) + (uint64_t)space[0];
}

keep_call static uint64_t variadic(int count, ...)
{
    va_list arguments;
    uint64_t sum = 0;
    va_start(arguments, count);
    for (int i = 0; i < count; i++)
        sum += va_arg(arguments, uint64_t);
    va_end(arguments);
    return leaf(sum);
}

keep_call static uint64_t recursive(uint64_t a)
{
    return a < 2 ? a : recursive(a - 1) + recursive(a - 2);
}

/* Puts something else into the frame pointer's register, as libc does. */
omits_frame keep_call static uint64_t frameless(uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                                uint64_t e)
{
    uint64_t v = leaf(a), w = leaf(b), x = leaf(c), y = leaf(d), z = leaf(e);
    uint64_t u = leaf(v + w), t = framed(x + y);
    return v + w * x + y * z + a * b + c * d + e * u + t;
}

static int compare(const void *a, const void *b)
{
    return (int)framed(*(const unsigned char *)a) - (int)framed(*(const unsigned char *)b);
}

keep_call static void sort(void)
{
    char items[] = "rungs of a ladder";
    qsort(items, sizeof items - 1, 1, compare);
    sink += (uint64_t)items[3] + (bsearch("x", items, 17, 1, compare) != NULL);
}

keep_call static void format(void)
{
    snprintf(text, sizeof text, "%s %d %.6f %#lx", "text", 42, 3.25 + (double)sink, 77L);
    sink += (uint64_t)strtod("2.5e17", NULL);
}

keep_call static void allocate(void)
{
    void *volatile blocks[20];
    for (size_t i = 0; i < 20; i++)
        blocks[i] = malloc(i * 700 + 1);
    for (size_t i = 0; i < 20; i++)
        free(blocks[i]);
}

/* Calls that nobody has made before: the resolver runs. */
keep_call static void resolve(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sink += (uint64_t)llabs(labs(strtol("12", NULL, 10))) + strspn(text, "tex") + strlen(text);
    memmove(text + 1, text, 50);
}

/* Each function once, from one place. */
keep_call static void call_leaf(void) { sink += leaf(sink); }
keep_call static void call_framed(void) { sink += framed(sink); }
keep_call static void call_shrink_wrapped(void) { sink += shrink_wrapped(3); }
keep_call static void call_shrink_wrapped_short(void) { sink += shrink_wrapped(sink & 0); }
keep_call static void call_saves_much(void) { sink += saves_much(1, 2, 3, 4, 5, 6, sink); }
keep_call static void call_large_frame(void) { sink += large_frame(sink); }
keep_call static void call_grows(void) { sink += grows(sink % 5); }
keep_call static void call_realigned(void) { sink += realigned(sink); }
keep_call static void call_variadic(void) { sink += variadic(3, sink, sink, sink); }
keep_call static void call_recursive(void) { sink += recursive(5); }
keep_call static void call_frameless(void) { sink += frameless(1, 2, 3, 4, sink); }

static const struct {
    void (*call)(void);
    void *function;
} cases[] = {
    { call_leaf, (void *)leaf },
    { call_framed, (void *)framed },
    { call_shrink_wrapped, (void *)shrink_wrapped },
    { call_shrink_wrapped_short, (void *)shrink_wrapped },
    { call_saves_much, (void *)saves_much },
    { call_large_frame, (void *)large_frame },
    { call_grows, (void *)grows },
    { call_realigned, (void *)realigned },
    { call_variadic, (void *)variadic },
    { call_frameless, (void *)frameless },
    { call_recursive, (void *)call_recursive },
    { sort, (void *)sort },
    { format, (void *)format },
    { allocate, (void *)allocate },
    { resolve, (void *)resolve },
};

/* ---- judging ---- */

static uintptr_t walked[DEPTH], expected[DEPTH];
static size_t walked_count, expected_count;
static uint64_t walks, failures;

/* Keeps the first stack that is wrong; printing has to wait. */
static void judge(const void *context)
{
    static uintptr_t pcs[DEPTH];
    if (failures > 0)
        return;
    size_t count = unwind_from_context(context, &range, 1, pcs, DEPTH);
    walks++;
    if (count == expected_count && memcmp(pcs, expected, count * sizeof *pcs) == 0)
        return;
    failures++;
    walked_count = count;
    memcpy(walked, pcs, count * sizeof *pcs);
}

static void print_stack(const char *title, const uintptr_t *pcs, size_t count)
{
    fprintf(stderr, "%s\n", title);
    for (size_t i = 0; i < count; i++) {
        char name[128];
        rung_symbol(pcs[i] - (i > 0), name, sizeof name);
        fprintf(stderr, "  %#lx %s\n", (unsigned long)pcs[i], name);
    }
}

static void expect_no_failure(const void *function, uint64_t least)
{
    char what[64];
    rung_symbol((uintptr_t)function, what, sizeof what);
    printf("%-22s %7lu walks\n", what, (unsigned long)walks);
    if (failures > 0) {
        print_stack("expected:", expected, expected_count);
        print_stack("walked:", walked, walked_count);
        test_fail(__FILE__, __LINE__, "%s: walk %lu is wrong", what, (unsigned long)walks);
    }
    EXPECT(walks >= least);
    walks = 0;
}

static void catch(int signal, void (*handler)(int, siginfo_t *, void *))
{
    static char stack[1 << 16];
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    EXPECT_EQ(sigaltstack(&alternate, NULL), 0);
    EXPECT_EQ(sigaction(signal, &action, NULL), 0);
}

#if defined(__x86_64__)

/* ---- x86-64: single steps ---- */

enum { CALL_BYTES_MAX = 15 };

static struct {
    uintptr_t pc, slot; /* the return address, and where it lies */
} shadow[DEPTH];
static size_t shadow_count, base_count;
static uintptr_t base[DEPTH], previous_pc, previous_sp;

static void follow(uintptr_t pc, uintptr_t sp)
{
    if (previous_pc != 0 && sp == previous_sp - 8) {
        uintptr_t pushed = *(const uintptr_t *)sp;
        if (pushed > previous_pc && pushed <= previous_pc + CALL_BYTES_MAX) {
            shadow[shadow_count].pc = pushed;
            shadow[shadow_count++].slot = sp;
        }
    }
    while (shadow_count > 0 && sp > shadow[shadow_count - 1].slot)
        shadow_count--;
    previous_pc = pc;
    previous_sp = sp;
    expected_count = 0;
    expected[expected_count++] = pc;
    for (size_t i = shadow_count; i-- > 0;)
        expected[expected_count++] = shadow[i].pc;
    for (size_t i = 0; i < base_count; i++)
        expected[expected_count++] = base[i];
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *at = context;
    (void)signal;
    (void)info;
    if (failures == 0)
        follow(MACHINE_CONTEXT_PC(at), MACHINE_CONTEXT_SP(at));
    judge(context);
}

/* Steps over fn. Nothing else is called between the two changes of the flag. */
keep_call static void step(void (*fn)(void))
{
    void *callers[DEPTH];
    int count = backtrace(callers, DEPTH);
    base_count = 0;
    for (int i = 1; i < count; i++)
        base[base_count++] = (uintptr_t)callers[i];
    previous_pc = 0;
    shadow_count = 0;
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop" : : : "memory", "cc");
    fn();
    __asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
}

static void test_steps(void)
{
    catch(SIGTRAP, on_trap);
    for (size_t i = 0; i < array_length(cases); i++) {
        step(cases[i].call);
        expect_no_failure(cases[i].function, 3);
    }
}

#else

/* ---- arm64: breakpoints ---- */

static uint32_t *breakpoint, replaced;
static bool is_first;

static void patch(uint32_t *at, uint32_t instruction)
{
    *at = instruction;
    __builtin___clear_cache((char *)at, (char *)(at + 1));
}

/* On the first instruction: pc, lr, and the frame records from there on, unchecked. */
static void expect_from_entry(const ucontext_t *at)
{
    const struct frame_record *record = (const struct frame_record *)MACHINE_CONTEXT_BP(at);
    expected_count = 1;
    expected[expected_count++] = MACHINE_CONTEXT_LR(at);
    for (; record != NULL && record->pc != 0 && expected_count < DEPTH;
         record = (const struct frame_record *)record->bp)
        expected[expected_count++] = record->pc;
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *at = context;
    (void)signal;
    (void)info;
    if (is_first)
        expect_from_entry(at);
    expected[0] = MACHINE_CONTEXT_PC(at);
    judge(context);
    patch(breakpoint, replaced);
}

/* Calls fn with a breakpoint in place of each of the instructions of `in`, one after the other. */
keep_call static void step_in(const void *in, void (*fn)(void))
{
    struct object_place place;
    uint32_t *at = (uint32_t *)in;
    EXPECT(object_symbol((uintptr_t)at, &place) && place.function != NULL &&
           place.function_offset == 0);
    const char *name = place.function;
    uintptr_t page = (uintptr_t)at & -(uintptr_t)PAGE;
    EXPECT_EQ(mprotect((void *)page, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
    is_first = true;
    for (; object_symbol((uintptr_t)at, &place) && place.function == name; at++) {
        breakpoint = at;
        replaced = *at;
        patch(at, 0xd4200000); /* brk #0 */
        fn();
        patch(at, replaced);
        is_first = false;
    }
    expect_no_failure(in, 2);
}

static void test_steps(void)
{
    catch(SIGTRAP, on_trap);
    for (size_t i = 0; i < array_length(cases); i++)
        cases[i].call(); /* so that the resolver has run */
    for (size_t i = 0; i < array_length(cases); i++)
        step_in(cases[i].function, cases[i].call);
}

#endif

int main(void)
{
    EXPECT_EQ(object_refresh(), 0);
    EXPECT_EQ(unwind_thread_range(&range), 0);
    test_steps();
    return 0;
}
